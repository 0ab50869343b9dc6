/**
 * What a command that records needs: the tenant's journal, opened, and the way to its hub where one is configured. What
 * is left at the end is said in one place.
 */
import { hostname } from "node:os"
import type { Journal, SyncStatus } from "agent-sync"
import { connectJournal, openJournal, type Remote } from "agent-sync/bun"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { type Flags, keyOrMake, type Settings, settings } from "./Config.ts"
import { EXIT, Failure } from "./Failure.ts"
import { plural } from "./Terminal.ts"

/** The journal cannot be opened: a full or read-only disk, another program's file. */
export const JOURNAL_UNUSABLE = "JournalUnusable"

export interface Recording {
  readonly found: Settings
  readonly journal: Journal
  /** Undefined where no hub is configured. */
  readonly remote: Remote | undefined
  /** Sentences for the person about what went wrong so far. */
  readonly troubles: ReadonlySet<string>
  /** Waits at most `ms` for the hub, closes everything, and answers what is left to say. */
  readonly close: (ms: number) => Promise<ReadonlyArray<string>>
}

export const openRecording = (flags: Flags): Effect.Effect<Recording, Failure> =>
  Effect.gen(function* () {
    const found = yield* settings(flags, { env: process.env, cwd: process.cwd() })
    const { key } = yield* keyOrMake(found)
    const opened = yield* Effect.promise(() =>
      openJournal({
        file: `${found.folders.journals}/${found.tenant}.sqlite`,
        keysFolder: found.files.folder,
        key,
        remotes: found.url === undefined ? [] : [found.url],
        ...(found.context.host ? { host: hostname() } : {})
      })
    )
    if (Either.isLeft(opened)) {
      return yield* new Failure({
        exit: EXIT.failure,
        code: JOURNAL_UNUSABLE,
        what: opened.left.message,
        now: "Nothing was recorded. The agents' own files are as they were."
      })
    }
    return recordingOf(found, opened.right)
  })

const recordingOf = (found: Settings, journal: Journal): Recording => {
  const troubles = new Set<string>()
  const { url } = found
  let status: SyncStatus | undefined
  const remote =
    url === undefined
      ? undefined
      : connectJournal({
          journal,
          url,
          token: () => found.token("write"),
          onStatus: (now) => {
            status = now
          },
          onTrouble: (trouble) => void troubles.add(trouble)
        })
  return {
    found,
    journal,
    remote,
    troubles,
    close: async (ms) => {
      const left = remote === undefined ? 0 : await remote.drain(ms)
      remote?.stop()
      journal.close()
      const refused = status?._tag === "Refused" ? status : undefined
      return [
        ...troubles,
        ...(refused === undefined
          ? []
          : [`The hub refused: ${refused.error}${refused.fix === undefined ? "" : ` ${refused.fix}`}`]),
        ...(left === 0 || url === undefined
          ? []
          : [
              `${plural(left, "entry waits", "entries wait")} in the journal for ${new URL(url).host}; the next command that records sends ${left === 1 ? "it" : "them"}.`
            ])
      ]
    }
  }
}
