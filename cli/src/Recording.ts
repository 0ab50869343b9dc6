/**
 * What a command that records needs: the tenant's journal, opened, and the way to its hub where one is configured. What
 * is left at the end is said in one place.
 */
import { hostname } from "node:os"
import { adoptLeft, goOnStranded, type Journal, refusedBy, type SyncStatus } from "agent-sync"
import { connectJournal, openJournal, type Remote, type Waits } from "agent-sync/bun"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { type Flags, journalFile, keyOrMake, type Settings, settings } from "./Config.ts"
import { EXIT, Failure } from "./Failure.ts"
import type { Key } from "./Keys.ts"
import { plural } from "./Terminal.ts"

/** The journal cannot be opened: a full or read-only disk, another program's file. */
export const JOURNAL_UNUSABLE = "JournalUnusable"

export interface Recording {
  readonly found: Settings
  /** The key was made now, since there was none. */
  readonly made: boolean
  readonly journal: Journal
  /** Undefined where no hub is configured. */
  readonly remote: Remote | undefined
  /** A sentence for the person, which is said once, at the end. */
  readonly say: (what: string) => void
  /** Waits at most `ms` for the hub to have what was recorded; answers how many entries it lacks. May be asked again. */
  readonly sync: (ms: number, waits?: Waits) => Promise<number>
  /** Closes everything, and answers what is to be said. */
  readonly close: () => ReadonlyArray<string>
}

export const openRecording = (
  flags: Flags,
  options: {
    /** See `openJournal`. */
    readonly waitMs?: number
    /** Has the journal to itself before anything is sent to the hub at `url`. */
    readonly before?: (journal: Journal, url: string) => Promise<Either.Either<void, Failure>>
  } = {}
): Effect.Effect<Recording, Failure> =>
  Effect.gen(function* () {
    const found = yield* settings(flags, { env: process.env, cwd: process.cwd() })
    const { key, made } = yield* keyOrMake(found)
    const opened = yield* Effect.promise(() => journalOf(found, key, options.waitMs))
    if (Either.isLeft(opened)) {
      return yield* new Failure({
        exit: EXIT.failure,
        code: JOURNAL_UNUSABLE,
        what: opened.left.message,
        now: "Nothing was recorded. The agents' own files are as they were."
      })
    }
    const { before } = options
    if (before !== undefined && found.url !== undefined) {
      const { url } = found
      const ready = yield* Effect.promise(() => before(opened.right, url))
      if (Either.isLeft(ready)) {
        opened.right.close()
        return yield* ready.left
      }
    }
    return recordingOf(found, made, opened.right)
  })

/**
 * The journal of the tenant, for what is recorded by these settings. Where `waitMs` is given, a write waits no longer for another
 * process's.
 */
export const journalOf = (found: Settings, key: Key, waitMs?: number) =>
  openJournal({
    file: journalFile(found),
    keysFolder: found.files.folder,
    key,
    remotes: found.url === undefined ? [] : [found.url],
    sync: found.remote.sync,
    ...(found.context.host ? { host: hostname() } : {}),
    ...(waitMs === undefined ? {} : { waitMs })
  })

/** Keeps a journal flowing to the hub at `url`, as these settings say. */
export const connectTo = (
  url: string,
  found: Settings,
  journal: Journal,
  on: Pick<Parameters<typeof connectJournal>[0], "onStatus" | "onTrouble" | "onRefused">
): Remote => {
  const { disablePing, provider, syncInterval } = found.remote
  // What was refused while nobody recorded it any more.
  goOnStranded(journal, Date.now())
  return connectJournal({
    journal,
    url,
    token: () => found.token("write"),
    provider,
    disablePing,
    retryMs: Duration.toMillis(syncInterval),
    ...on,
    onRefused: (what) => {
      ;(on.onRefused ?? on.onTrouble)(what)
      goOnStranded(journal, Date.now())
    }
  })
}

const recordingOf = (found: Settings, made: boolean, journal: Journal): Recording => {
  const said = new Set<string>()
  const say = (what: string) => void said.add(what)
  const { url } = found
  let left = 0
  let refused: Extract<SyncStatus, { _tag: "Refused" }> | undefined
  /** Why the hub was away last. */
  let why: string | undefined
  /** Why the journal could not be read or marked; of interest if that did not pass. */
  let trouble: string | undefined
  adoptLeft(journal, Date.now())
  if (journal.fresh === "copied") say("This journal is a copy, so a new writer goes on from here.")
  if (journal.fresh === "keys lost")
    say("The keys of this journal's writer are gone, so a new writer goes on from here.")
  const remote =
    url === undefined
      ? undefined
      : connectTo(url, found, journal, {
          onStatus: (now) => {
            if (now._tag === "Refused") refused = now
            if (now._tag === "Offline") why = now.why
          },
          onRefused: say,
          onTrouble: (what) => {
            trouble = what
          }
        })
  return {
    found,
    made,
    journal,
    remote,
    say,
    sync: async (ms, waits) => {
      why = remote?.status()._tag === "Offline" ? why : undefined
      left = remote === undefined ? 0 : await remote.drain(ms, waits)
      return left
    },
    close: () => {
      remote?.stop()
      journal.close()
      if (refused !== undefined) {
        say(refusedBy("The hub", refused))
      }
      if (left > 0 && trouble !== undefined) say(trouble)
      if (left > 0 && url !== undefined) {
        const { host } = new URL(url)
        const because = refused !== undefined || why === undefined ? "" : ` (${why.replace(`${host} `, "")})`
        say(
          `${plural(left, "entry waits", "entries wait")} in the journal for ${host}${because}; the next command that records sends ${left === 1 ? "it" : "them"}.`
        )
      }
      return [...said]
    }
  }
}
