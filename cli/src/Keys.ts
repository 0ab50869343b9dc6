/** The tenant's keys as commands use them: found, made, replaced, and each way that can fail as a sentence. */
import { mkdirSync, readFileSync, renameSync, rmSync } from "node:fs"
import { makeReaderKey, parseKey, printKey, type ReaderKey, type RecorderKey } from "agent-sync"
import { Home } from "agent-sync/bun"
import * as Either from "effect/Either"
import { type Env, variable } from "#folders"
import { EXIT, Failure } from "./Failure.ts"

export type TenantFiles = Home.TenantFiles
export const { authSecret, filesOf } = Home

export type Key = ReaderKey | RecorderKey

export const readKey = (text: string, from: string): Either.Either<Key, Failure> =>
  Either.mapLeft(
    parseKey(text),
    (unreadable) =>
      new Failure({
        exit: EXIT.unopened,
        code: "UnreadableKey",
        what: `The key in ${from} cannot be read: ${unreadable.message}`,
        now: "Nothing was recorded or sent with it."
      })
  )

/**
 * The tenant's key: `AGENT_SYNC_KEY`, else what the preset refers to, else the reader or recorder key in the tenant's
 * folder; undefined where there is none anywhere.
 */
export const findKey = (
  env: Env,
  files: TenantFiles,
  referred: { readonly text: string; readonly from: string } | undefined
): Either.Either<Key | undefined, Failure> => {
  const given = variable(env, "AGENT_SYNC_KEY")
  if (given !== undefined) return readKey(given, "AGENT_SYNC_KEY")
  if (referred !== undefined) return readKey(referred.text, referred.from)
  return Either.flatMap(
    attempt(files, () => Home.keyIn(files)),
    (found) => (found === undefined ? Either.right(undefined) : readKey(found.text, found.from))
  )
}

/** The keys folder cannot be used: another user's, a full or read-only disk. */
export const KEYS_UNUSABLE = "KeysUnusable"

const attempt = <A>({ folder }: TenantFiles, act: () => A): Either.Either<A, Failure> =>
  Either.try({
    try: act,
    catch: (error) =>
      new Failure({
        exit: EXIT.failure,
        code: KEYS_UNUSABLE,
        what: `The keys in ${folder} cannot be used: ${error instanceof Error ? error.message : String(error)}.`,
        tries: [{ command: "AGENT_SYNC_HOME=FOLDER agent-sync …", why: "keeps keys and journals in another folder" }]
      })
  })

/** Makes the tenant's reader key, recorder key and auth secret where they are missing; answers the files it wrote. */
export const makeKeys = (files: TenantFiles): Either.Either<ReadonlyArray<string>, Failure> =>
  attempt(files, () => Home.makeMissing(files))

/**
 * Puts a key where the tenant's keys lie; answers the files it wrote. Another key that is there stands in the way, unless
 * it is to be replaced: then it is kept beside, since what it sealed is opened by nothing else.
 */
export const replaceKey = (
  files: TenantFiles,
  key: Key,
  force: boolean
): Either.Either<ReadonlyArray<string>, Failure> =>
  Either.flatMap(
    attempt(files, () => [Home.readIf(files.reader), Home.readIf(files.recorder)].map((text) => text?.trim())),
    ([reader, recorder]) => {
      const texts = key.kind === "reader" ? [printKey(key), printKey(key.recorder)] : [undefined, printKey(key)]
      if (recorder === texts[1] && (texts[0] === undefined || reader === texts[0])) return Either.right([])
      // The recorder key of the reader key that comes is no other key.
      const other = (reader !== undefined && reader !== texts[0]) || (recorder !== undefined && recorder !== texts[1])
      if (other && !force) {
        return Either.left(
          new Failure({
            exit: EXIT.failure,
            code: "WouldOverwrite",
            what: `Another key is in ${files.folder}.`,
            now: "Nothing was changed.",
            tries: [
              { command: "agent-sync identity import --force", why: "replaces it, and keeps it beside the new one" },
              { command: "agent-sync identity import --tenant NAME", why: "for another tenant" }
            ]
          })
        )
      }
      return attempt(files, () => {
        mkdirSync(files.folder, { recursive: true, mode: 0o700 })
        const wrote: Array<string> = []
        for (const [file, text] of [
          [files.reader, texts[0]],
          [files.recorder, texts[1]]
        ] as const) {
          const before = Home.readIf(file)?.trim()
          if (before === text) continue
          if (before !== undefined) renameSync(file, `${file}.before-${Date.now()}`)
          if (text !== undefined && Home.writeOnce(file, text)) wrote.push(file)
        }
        return wrote
      })
    }
  )

/**
 * The new reader key of `identity rotate`: made beside the one that is used, and there again where a rotation broke off,
 * until `replaceKey` has put it in its place.
 */
export const nextKey = (files: TenantFiles): Either.Either<ReaderKey, Failure> => {
  const file = nextFile(files)
  return attempt(files, () => {
    Home.writeOnce(file, printKey(makeReaderKey()))
    return readFileSync(file, "utf8")
  }).pipe(
    Either.flatMap((text) => readKey(text, file)),
    Either.filterOrLeft(
      (key) => key.kind === "reader",
      () =>
        new Failure({
          exit: EXIT.unopened,
          code: "UnreadableKey",
          what: `${file} holds no reader key.`,
          tries: [{ command: `rm ${file}`, why: "another is made then" }]
        })
    )
  )
}

export const forgetNextKey = (files: TenantFiles): Either.Either<void, Failure> =>
  attempt(files, () => rmSync(nextFile(files), { force: true }))

const nextFile = ({ reader }: TenantFiles) => `${reader}.next`
