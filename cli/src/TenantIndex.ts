/** Reads a tenant's index once: which sessions there are, and whether this machine's key opens them. */
import type { KnownSession, Notice, ReaderKey, SyncStatus } from "agent-sync"
import { connectReader } from "agent-sync/bun"
import type { LogId } from "agent-sync/events"
import * as Effect from "effect/Effect"
import type { Settings } from "./Config.ts"
import { Failure } from "./Failure.ts"
import { away, refused, unreachable, wrongKey } from "./Reading.ts"

/** Milliseconds until the whole index must have been read. */
const PATIENCE_MS = 15_000

export interface Index {
  readonly sessions: ReadonlyArray<KnownSession>
  /** Entries of the index that this key did not open, and holes in it. */
  readonly notices: ReadonlyArray<Notice>
  /** The log of this key's own index. */
  readonly index: LogId
  /** When the keys were changed, newest first. */
  readonly rotations: ReadonlyArray<number>
}

/** Machines that went on recording under a key of before after the keys were changed. */
export const behind = ({ index, rotations, sessions }: Index): ReadonlyArray<string> => {
  const [changed] = rotations
  if (changed === undefined) return []
  const late = sessions.filter((session) => session.index !== index && session.told > changed)
  return [...new Set(late.map(({ origin }) => origin.host ?? "a machine without a name"))]
}

export const readIndex = (settings: Settings, url: string, key: ReaderKey): Effect.Effect<Index, Failure> =>
  Effect.async<Index, Failure>((resume) => {
    const notices: Array<Notice> = []
    let done = false
    const end = (how: Effect.Effect<Index, Failure>) => {
      if (done) return
      done = true
      clearTimeout(deadline)
      // The reader may still be telling: it is stopped when it has come back.
      queueMicrotask(() => remote.stop())
      resume(how)
    }
    const deadline = setTimeout(
      () => end(new Failure(unreachable(url, `it did not answer in ${PATIENCE_MS / 1000}s`))),
      PATIENCE_MS
    )
    const onStatus = (status: SyncStatus) => {
      if (status._tag === "Offline") end(new Failure(away(url, status)))
      if (status._tag === "Refused") end(new Failure(refused(status)))
    }
    const remote = connectReader({
      key,
      url,
      token: () => settings.token("read"),
      onStatus,
      events: {
        onSession: () => {},
        onIndexRead: () =>
          end(
            Effect.succeed({
              sessions: [...remote.reader.sessions()],
              notices,
              index: remote.reader.index,
              rotations: remote.reader.rotations()
            })
          ),
        onEntries: () => {},
        onCaughtUp: () => {},
        onNotice: (log, notice) => {
          if (log !== undefined) return
          if (notice._tag === "Refused") end(new Failure(refused({ error: notice.refusal.reason, fix: undefined })))
          else notices.push(notice)
        },
        onWrongKey: () => end(new Failure(wrongKey(settings.tenant)))
      }
    })
    // Whoever asked waits no longer.
    return Effect.sync(() => end(Effect.interrupt))
  })
