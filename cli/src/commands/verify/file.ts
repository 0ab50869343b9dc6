/**
 * Verifies an exported file with nothing else at hand: its proof is examined as a log is, and the page is drawn once more
 * from what the proof holds and compared to the letter. Whose the signing keys are it cannot know: it names them.
 */

import { bytesToHex } from "@noble/hashes/utils.js"
import { base64urlnopad } from "@scure/base"
import { examineProof, provenEntries, provenTitle, type Seen, VERSION } from "agent-sync"
import { nativeAead } from "agent-sync/bun"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { EXIT } from "../../Failure.ts"
import { paintFor, shortPath } from "../../paint.ts"
import { openProofFile, type ProofFile } from "../../proofFile.ts"
import { clean, plural } from "../../Terminal.ts"
import { fit } from "../../wrap.ts"
import { proven } from "../export/drawn.ts"
import { sentenceOf } from "./sentences.ts"
import { objectOf, summaryOf, type Verdict } from "./verdict.ts"

/** `before` is what was seen of a log elsewhere. */
export const verifyFile = (
  input: { readonly session: string; readonly json: boolean },
  before: (log: string) => Seen | undefined
) =>
  Effect.gen(function* () {
    const file = yield* yield* Effect.promise(() => openProofFile(input.session))
    const { proof, shown } = file
    const hosts = new Map(proof.writers.map(({ host, id }) => [bytesToHex(id), host]))
    const by = (writer: string) => clean(hosts.get(writer) ?? `writer ${writer.slice(0, 8)}`)
    const report = examineProof(proof, before(proof.log), nativeAead)
    const { log } = proof
    const verdict: Verdict = {
      kind: "file",
      log,
      session: shown.session,
      name: "proof",
      title: provenTitle(provenEntries(proof, nativeAead)),
      by,
      outcome: Either.right(report)
    }
    const page = compared(file)
    const holds = report.findings.length === 0 && page._tag === "Same"
    if (input.json) {
      const signers = proof.writers.map(({ id, signer }) => ({ writer: bytesToHex(id), signer: keyText(signer) }))
      const told = { ...objectOf(verdict), ok: holds, page: page._tag === "Same" ? "same" : page.told, signers }
      process.stdout.write(`${JSON.stringify(told)}\n`)
      return holds ? EXIT.ok : EXIT.failure
    }
    const paint = paintFor(process.stdout)
    const mark = (good: boolean) => (good ? paint.green("✓") : paint.red("✗"))
    const lines = [
      `${mark(report.findings.length === 0)} proof  ${summaryOf(verdict)}`,
      ...report.findings.map((finding) => `    ${sentenceOf(finding, by)}`),
      `${mark(page._tag === "Same")} page   ${page._tag === "Same" ? "shows what the proof holds, to the letter" : page.what}`,
      "",
      ...proof.writers.map(({ id, signer }) => `Signed by ${by(bytesToHex(id))} with the key ${keyText(signer)}`),
      paint.dim(
        "Compare that key with its owner's: agent-sync verify --json, where the session was recorded, tells it."
      ),
      "",
      `${shortPath(input.session)}: ${holds ? "it holds" : "it does not hold"}; written, as it says, ${new Date(shown.now).toISOString().slice(0, 16).replace("T", " ")} UTC, ${plural(proof.entries.length, "entry", "entries")}.`
    ]
    process.stdout.write(fit(`${lines.join("\n")}\n`, process.stdout))
    return holds ? EXIT.ok : EXIT.failure
  })

type Compared =
  | { readonly _tag: "Same" }
  | { readonly _tag: "Other"; readonly told: "altered" | "other version"; readonly what: string }

const compared = ({ proof, shown, text }: ProofFile): Compared => {
  // Times stand in it as they were where it was written.
  if (isZone(shown.zone)) process.env.TZ = shown.zone
  if (proven(proof, shown) === text) return { _tag: "Same" }
  return shown.version === VERSION
    ? {
        _tag: "Other",
        told: "altered",
        what: "is not what its proof holds: the file was changed after it was written"
      }
    : {
        _tag: "Other",
        told: "other version",
        what: `says that agent-sync ${clean(shown.version)} drew it, and this is ${VERSION}: it cannot be compared. agent-sync export FILE --format html draws it anew`
      }
}

const isZone = (zone: string) => {
  try {
    return new Intl.DateTimeFormat("en-GB", { timeZone: zone }) !== undefined
  } catch {
    return false
  }
}

const keyText = (signer: Uint8Array) => base64urlnopad.encode(signer)
