/** The hubs that `status` looks at, each with its connection and what was seen over it. */
import { type KnownSession, quoted, type SyncStatus } from "agent-sync"
import { connectOnly, connectReader, inspectJournal, type JournalSummary } from "agent-sync/bun"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { again } from "../../again.ts"
import { type Flags, journalFile, type Settings, settings } from "../../Config.ts"
import type { Failure } from "../../Failure.ts"
import { hubOf } from "../../hubApi.ts"
import { AGAIN, lostAt } from "../../lost.ts"
import { plural } from "../../Terminal.ts"

export interface Remote {
  readonly preset: string
  readonly url: string
  readonly found: Settings
  status: SyncStatus
  /** When `status` began, in milliseconds since 1970. */
  since: number
  /** What a reader key has read there; undefined where this machine only records. */
  read: Read | undefined
  /** What the hub has lost of what it had acknowledged, where it has. */
  lost: string | undefined
}

export interface Read {
  /** Entries of the index, and of sessions that run, that the hub has and this machine has not read; undefined until it has told. */
  behind: number | undefined
  /** Entries read of sessions that run. */
  entries: number
  unopened: number
  newest: KnownSession | undefined
}

/** The presets that have a hub; where one is named, or a URL is given, that one alone. */
export const remotesOf = (input: Flags): Effect.Effect<ReadonlyArray<Remote>, Failure> =>
  Effect.gen(function* () {
    const where = { env: process.env, cwd: process.cwd() }
    const chosen = yield* settings(input, where)
    const one = input.env ?? input.url ?? process.env.AGENT_SYNC_URL
    const names = one === undefined ? Object.keys(chosen.presets) : []
    const all = yield* Effect.all(names.map((env) => settings({ ...input, env }, where)))
    const found = names.length === 0 ? [chosen] : all
    const remotes = found.flatMap(
      (each): ReadonlyArray<Remote> =>
        each.url === undefined
          ? []
          : [
              {
                preset: each.preset ?? "-",
                url: each.url,
                found: each,
                status: { _tag: "Connecting", since: 0 },
                since: Date.now(),
                read: each.key?.kind === "reader" ? nothing() : undefined,
                lost: undefined
              }
            ]
    )
    if (remotes.length === 0) yield* hubOf(chosen)
    return remotes
  })

const nothing = (): Read => ({ behind: undefined, entries: 0, unopened: 0, newest: undefined })

/** Entries of a running session's end that are read, to know that all are. */
const TAIL = 20

/** Connects, and answers how to stop. `onChange` hears of a status, `onRead` of what was read. */
export const connectTo = (remote: Remote, onChange: () => void, onRead: () => void = () => {}): (() => void) => {
  const { found, url } = remote
  const from = {
    url,
    token: async () => (await found.token("read")) ?? (await found.token("write")),
    onStatus: (status: SyncStatus) => {
      const isNew = status._tag !== remote.status._tag
      if (isNew) remote.since = Date.now()
      remote.status = status
      onChange()
      if (isNew && status._tag === "Live")
        void lookForLoss(remote).then(() => (remote.lost === undefined ? undefined : onChange()))
    }
  }
  const { key } = found
  if (key?.kind !== "reader") return connectOnly(from).stop
  const read = nothing()
  remote.read = read
  const look = () => {
    read.behind = reading.reader.behind()
    onRead()
  }
  const reading = connectReader({
    ...from,
    key,
    events: {
      onSession: (session) => {
        if (read.newest === undefined || session.told >= read.newest.told) read.newest = session
        const runs = session.state !== "ended" && session.state !== "failed"
        if (runs) reading.reader.watch(session.log, TAIL)
        else reading.reader.unwatch(session.log)
      },
      onIndexRead: look,
      onEntries: (_, entries) => {
        read.entries += entries.length
        look()
      },
      onCaughtUp: look,
      onNotice: (log, { _tag }) => {
        // A token that only writes: this machine records, and reads nothing.
        if (_tag === "Refused" && log === undefined) remote.read = undefined
        else if (_tag !== "Refused") read.unopened++
        look()
      },
      onWrongKey: look
    }
  })
  return reading.stop
}

/** Asks a hub that is there whether it still has what was sent to it. */
export const lookForLoss = async (remote: Remote): Promise<void> => {
  if (remote.status._tag === "Live") remote.lost = await lostAt(remote.found, remote.url)
}

type Owed = Pick<JournalSummary["waiting"][number], "entries" | "sent" | "newestSent" | "held" | "refused"> & {
  readonly bytes: number
}

/** What this machine's journal owes the hub, and has sent to it. */
export const owedTo = ({ found, url }: Remote): Owed => {
  const journal = inspectJournal(journalFile(found), [url])
  const summary = Either.isRight(journal) ? journal.right : undefined
  const { entries = 0, held, newestSent, refused = 0, sent = 0 } = summary?.waiting[0] ?? {}
  return { bytes: summary?.bytes ?? 0, entries, sent, newestSent, held, refused }
}

/** Why it is not live, in the connection's own words; what it has lost; or why it does not take what it is owed. */
export const whyOf = ({ lost, status }: Remote, owed: Owed): string | undefined => {
  if (status._tag === "Offline") return status.why
  if (status._tag === "Refused")
    return quoted(status.fix === undefined ? status.error : `${status.error} ${status.fix}`)
  return lost === undefined ? heldBack(owed) : `${lost}; ${AGAIN} sends it again`
}

const heldBack = ({ entries, held, refused }: Owed): string | undefined => {
  if (entries > 0 && held === "quota") return "it is full: raise its quota, or set a retention"
  if (entries > 0 && held === "forbidden")
    return `the token may not write: ${again("agent-sync token create --role write")}`
  if (entries > 0 && held !== undefined) return "it could not store what was sent last"
  return refused === 0 ? undefined : `it takes ${plural(refused, "session log")} no more`
}

export const stateOf = ({ status }: Remote) => (status._tag === "Connecting" ? "no answer" : status._tag.toLowerCase())
