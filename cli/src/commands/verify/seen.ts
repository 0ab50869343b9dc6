/**
 * Where logs stood when they were last verified: by hub and log in a 0600 file of the tenant's, beside its journal, or in a
 * file that a person keeps (`verify --json`). A hub that is set back, or tells another past, is found by it.
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Seen } from "agent-sync"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { EXIT, Failure } from "../../Failure.ts"
import { isNamed } from "../../files.ts"

const SeenAt = Schema.Struct({
  head: Schema.NonNegativeInt,
  chain: Schema.String,
  writers: Schema.Record({
    key: Schema.String,
    value: Schema.Struct({ n: Schema.Positive, digest: Schema.String })
  })
})
const Memory = Schema.parseJson(
  Schema.Struct({
    schema: Schema.Literal(1),
    hubs: Schema.Record({ key: Schema.String, value: Schema.Record({ key: Schema.String, value: SeenAt }) })
  })
)
const Line = Schema.parseJson(Schema.Struct({ schema: Schema.Literal(1), log: Schema.String, seen: SeenAt }))
const decodeMemory = Schema.decodeUnknownEither(Memory)
const decodeLine = Schema.decodeUnknownEither(Line)

/** By log. */
export type SeenLogs = ReadonlyMap<string, Seen>

export const fileOf = (journals: string, tenant: string) => join(journals, `${tenant}.seen.json`)

/** What was seen at every hub; nothing where there is no file. */
export const remembered = (
  file: string
): Either.Either<Readonly<Record<string, Readonly<Record<string, Seen>>>>, Failure> => {
  const text = read(file)
  if (Either.isLeft(text)) return Either.left(text.left)
  if (text.right === undefined) return Either.right({})
  return Either.mapBoth(decodeMemory(text.right), {
    onLeft: () => unreadable(file, [{ command: `rm ${file}`, why: "begins anew, without what was seen before" }]),
    onRight: ({ hubs }) => hubs
  })
}

/** Whole or not at all. */
export const remember = (file: string, hubs: Readonly<Record<string, Readonly<Record<string, Seen>>>>) =>
  Either.try({
    try: () => {
      const draft = `${file}.${process.pid}`
      writeFileSync(draft, `${JSON.stringify({ schema: 1, hubs })}\n`, { mode: 0o600 })
      renameSync(draft, file)
    },
    catch: (error) =>
      new Failure({
        exit: EXIT.failure,
        code: "NotRemembered",
        what: `What was verified cannot be written to ${file}: ${error instanceof Error ? error.message : String(error)}.`,
        now: "A hub that is set back from here on would not be noticed."
      })
  })

/** A file of `verify --json`. */
export const saved = (file: string): Either.Either<SeenLogs, Failure> =>
  Either.flatMap(read(file), (text) => {
    const found = new Map<string, Seen>()
    for (const line of (text ?? "").split("\n")) {
      const decoded = decodeLine(line)
      if (Either.isRight(decoded)) found.set(decoded.right.log, decoded.right.seen)
    }
    if (found.size > 0) return Either.right(found)
    const tries = [{ command: `agent-sync verify --json > ${file}`, why: "writes one" }]
    return Either.left(unreadable(file, tries))
  })

const unreadable = (file: string, tries: ReadonlyArray<{ command: string; why: string }>) =>
  new Failure({ exit: EXIT.usage, code: "NoCheckpoint", what: `${file} holds nothing that verify wrote.`, tries })

const read = (file: string): Either.Either<string | undefined, Failure> =>
  Either.try({
    try: () => {
      try {
        return readFileSync(file, "utf8")
      } catch (error) {
        if (isNamed(error, "ENOENT")) return undefined
        throw error
      }
    },
    catch: (error) =>
      new Failure({
        exit: EXIT.failure,
        code: "Unreadable",
        what: `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}.`
      })
  })
