/** Reads a tenant's index once: which sessions there are, and whether this machine's key opens them. */
import type { KnownSession, Notice, ReaderKey, SyncStatus } from "agent-sync"
import { connectReader } from "agent-sync/bun"
import type { LogId } from "agent-sync/events"
import * as Effect from "effect/Effect"
import type { Settings } from "./Config.ts"
import { EXIT, Failure } from "./Failure.ts"
import { unreachable } from "./hubApi.ts"

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
    const { host } = new URL(url)
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
      () => end(unreachable(host, `It did not answer in ${PATIENCE_MS / 1000}s.`)),
      PATIENCE_MS
    )
    const onStatus = (status: SyncStatus) => {
      if (status._tag === "Offline") end(unreachable(host, `${sentence(status.why)}.`))
      if (status._tag === "Refused") end(refused(status.error, status.fix))
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
          if (notice._tag === "Refused") end(refused(notice.refusal.reason, undefined))
          else notices.push(notice)
        },
        onWrongKey: () => end(wrongKey(settings.tenant))
      }
    })
  })

const sentence = (text: string) => `${text[0]?.toUpperCase() ?? ""}${text.slice(1)}`

const refused = (error: string, fix: string | undefined) =>
  new Failure({
    exit: EXIT.refused,
    code: "Refused",
    what: `The hub refused: ${error}`,
    now: "Sessions and keys are untouched.",
    ...(fix === undefined ? {} : { tries: [{ command: fix }] })
  })

const wrongKey = (tenant: string) =>
  new Failure({
    exit: EXIT.unopened,
    code: "WrongKey",
    what: `Your key does not open tenant ${tenant}.`,
    now: "The hub has its logs, and none of them was sealed for this key.",
    tries: [
      { command: "agent-sync identity words --reveal", why: "on the machine that watches it, then" },
      { command: "agent-sync identity import", why: "here; it asks for the words" }
    ]
  })
