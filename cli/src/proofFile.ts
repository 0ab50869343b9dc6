/** A file that `export --format html` or the page wrote, and the proof in it. */
import { readFileSync } from "node:fs"
import { readProof, type SessionProof, type Shown } from "agent-sync"
import * as Either from "effect/Either"
import { EXIT, Failure } from "./Failure.ts"

export interface ProofFile {
  readonly text: string
  readonly proof: SessionProof
  readonly shown: Shown
}

/** What a person names is a file and no session. */
export const isFile = (named: string) => /\.html?$/i.test(named)

export const openProofFile = async (file: string): Promise<Either.Either<ProofFile, Failure>> => {
  const { carriedProof } = await import("#viewer")
  return Either.gen(function* () {
    const text = yield* Either.try({
      try: () => readFileSync(file, "utf8"),
      catch: (error) =>
        new Failure({
          exit: EXIT.usage,
          code: "Unreadable",
          what: `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}.`
        })
    })
    const carried = carriedProof(text)
    if (carried === undefined) {
      return yield* Either.left(
        new Failure({
          exit: EXIT.failure,
          code: "NoProof",
          what: `${file} carries no proof.`,
          now: "What it shows can have been changed by anyone.",
          tries: [{ command: "agent-sync export SESSION --format html > FILE.html", why: "writes one that does" }]
        })
      )
    }
    const read = yield* Either.mapLeft(
      readProof(carried),
      ({ message }) => new Failure({ exit: EXIT.failure, code: "UnreadableProof", what: `${file}: ${message}` })
    )
    return { text, ...read }
  })
}
