/** Reads the text of a `SessionProof` back, and examines it as a log is. Total: anyone may have made it. */

import { bytesToHex } from "@noble/hashes/utils.js"
import { base64urlnopad } from "@scure/base"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { type Aead, KEY_BYTES, aead as portableAead } from "../crypto/Aead.ts"
import { WRITER_BYTES } from "../crypto/Envelope.ts"
import { LogId } from "../domain/Ids.ts"
import { CHAIN_BYTES, ENTRY_ID_BYTES } from "../protocol/Limits.ts"
import { examine, type Report, type Seen } from "./examine.ts"
import { openAll, PROOF_FORMAT, type SessionProof, type Shown } from "./SessionProof.ts"

/** `what` is a sentence for the person. */
export class UnreadableProof extends Schema.TaggedError<UnreadableProof>()("UnreadableProof", {
  reason: Schema.Literal("version", "shape"),
  what: Schema.String
}) {
  override get message() {
    return this.what
  }
}

/** Milliseconds from 1970 to the last moment that a `Date` can tell (ECMA-262 §21.4.1.1). */
const LATEST_MS = 8.64e15

const Text = Schema.parseJson(
  Schema.Struct({
    proof: Schema.Number,
    shown: Schema.Struct({
      session: Schema.String,
      now: Schema.Number.pipe(Schema.between(-LATEST_MS, LATEST_MS)),
      zone: Schema.String,
      history: Schema.Boolean,
      version: Schema.String
    }),
    log: LogId,
    key: Schema.String,
    writers: Schema.Array(
      Schema.Struct({ id: Schema.String, signer: Schema.String, host: Schema.optional(Schema.String) })
    ),
    hub: Schema.optional(Schema.Struct({ batches: Schema.Array(Schema.NonNegativeInt), chain: Schema.String })),
    entries: Schema.Array(Schema.Tuple(Schema.String, Schema.String))
  })
)
const decode = Schema.decodeUnknownEither(Text)
const Version = Schema.parseJson(Schema.Struct({ proof: Schema.Number }))
const decodeVersion = Schema.decodeUnknownEither(Version)

const SIGNER_BYTES = 32

/** Total: any text is a proof, or an `UnreadableProof` with its reason. */
export const readProof = (
  text: string
): Either.Either<{ readonly proof: SessionProof; readonly shown: Shown }, UnreadableProof> => {
  const version = decodeVersion(text)
  if (Either.isRight(version) && version.right.proof !== PROOF_FORMAT) {
    return unreadable(
      "version",
      `Its proof is of version ${version.right.proof}, and this agent-sync reads version ${PROOF_FORMAT}.`
    )
  }
  const read = decode(text)
  if (Either.isLeft(read)) return damaged
  const { entries, hub, key, log, shown, writers } = read.right
  try {
    return Either.right({
      shown,
      proof: {
        log,
        key: bytes(key, KEY_BYTES),
        writers: writers.map(({ host, id, signer }) => ({
          id: bytes(id, WRITER_BYTES),
          signer: bytes(signer, SIGNER_BYTES),
          host
        })),
        ...(hub === undefined ? {} : { hub: { batches: hub.batches, chain: bytes(hub.chain, CHAIN_BYTES) } }),
        entries: entries.map(([id, sealed]) => ({ entryId: bytes(id, ENTRY_ID_BYTES), encryptedEntry: bytes(sealed) }))
      }
    })
  } catch {
    return damaged
  }
}

/** `before` is what was seen of the log elsewhere. Whether the session has ended is not asked: only its writers know. */
export const examineProof = (proof: SessionProof, before?: Seen, aead: Aead = portableAead): Report => {
  const { entries, hub, log, writers } = proof
  return examine({
    log,
    entries: openAll(proof, aead),
    signers: new Map(writers.map(({ id, signer }) => [bytesToHex(id), signer])),
    ended: false,
    ...(hub === undefined ? {} : { hub: { head: entries.length, ...hub } }),
    ...(before === undefined
      ? {}
      : // Without the hub's chain only its writers' histories can be compared.
        { before: hub === undefined ? { head: 0, chain: "", writers: before.writers } : before })
  })
}

/** Throws where it is none, or not of that length. */
const bytes = (text: string, length?: number) => {
  const decoded = base64urlnopad.decode(text)
  if (length !== undefined && decoded.byteLength !== length) throw new RangeError("length")
  return decoded
}

const unreadable = (reason: UnreadableProof["reason"], what: string): Either.Either<never, UnreadableProof> =>
  Either.left(new UnreadableProof({ reason, what }))
const damaged = unreadable("shape", "Its proof is damaged, or not what agent-sync writes.")
