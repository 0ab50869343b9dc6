/**
 * A journal that forgets everything at exit: for tests, and for programs that want no disk. A `MemoryStore` stands
 * where the file stands; journals opened on the same one see each other. It is written by the definitions of
 * `Journal.ts`, without indexes, so that other journals can be held against it.
 */
import * as Either from "effect/Either"
import type { LogId } from "../domain/Ids.ts"
import type { Plain } from "../domain/Payload.ts"
import type { Refusal } from "../protocol/Message.ts"
import {
  type AppendOptions,
  type Journal,
  type JournalEntry,
  JournalFailed,
  type Outbox,
  type OwedLog,
  type OwnLog,
  type Reach,
  type Unless
} from "./Journal.ts"
import type { Received, ReceivedEntry } from "./Received.ts"
import { beginning, extend, type Head, type Introduction, movable, type Sealing } from "./Sealing.ts"

interface Log {
  readonly id: LogId
  readonly kind: "index" | "session"
  readonly key: Uint8Array
  readonly writer: Uint8Array
  /** Older logs of the store have smaller ones. */
  readonly age: number
  readonly entries: Array<JournalEntry>
  readonly marks: Set<string>
  head: Head
}

interface Destination {
  readonly sealing: Sealing
  remotes: ReadonlyArray<string>
  /** The index first, then oldest first. */
  readonly logs: Array<Log>
  readonly sessions: Map<string, Log>
  readonly pending: Map<string, { readonly since: number; until: number; readonly plains: Array<Plain> }>
}

interface Hub {
  readonly acked: Map<Log, number>
  readonly refused: Map<Log, Refusal["code"]>
  readonly lost: Set<Log>
  readonly cursors: Map<LogId, number>
}

interface Remote {
  readonly hubs: Map<string, Hub>
  /** The hub last seen at this address. */
  current: Hub | undefined
  lease: { readonly owner: string; readonly since: number; readonly until: number } | undefined
}

export interface MemoryStore {
  readonly destinations: Array<Destination>
  readonly remotes: Map<string, Remote>
  readonly received: Map<string, { from: Uint8Array | undefined; logs: Map<string, Array<ReceivedEntry>> }>
  readonly listeners: Set<() => void>
  /** How many logs were made. */
  logs: number
}

export const makeStore = (): MemoryStore => ({
  destinations: [],
  remotes: new Map(),
  received: new Map(),
  listeners: new Set(),
  logs: 0
})

/** Where the store already has a writer for this destination, that one goes on and `sealing` is not used. */
export const open = (options: {
  readonly sealing: Sealing
  readonly introduction: Introduction
  readonly remotes: ReadonlyArray<string>
  readonly store?: MemoryStore
}): Journal => {
  const { introduction, store = makeStore() } = options
  const known = find(store, options.sealing.index, options.remotes)
  const destination = known ?? begin(options.sealing, introduction, options.remotes, store.logs++)
  if (known === undefined) store.destinations.push(destination)
  const { logs, pending, sealing, sessions } = destination
  const own = new Set<() => void>()
  let closed = false

  const guarded = <A>(act: () => A): Either.Either<A, JournalFailed> => {
    if (closed) return failed("This journal is closed.")
    try {
      return Either.right(act())
    } catch (error) {
      return error instanceof JournalFailed ? Either.left(error) : failed("The journal could not be written.", error)
    }
  }
  const logOf = (id: LogId) => {
    const log = logs.find((each) => each.id === id)
    if (log === undefined) throw unknownLog(id)
    return log
  }
  const write = (log: Log, plains: ReadonlyArray<Plain>, options: AppendOptions = {}) => {
    const { entries, head } = extend(sealing, log, log.head, plains, options)
    log.entries.push(...entries)
    log.head = head
    return entries
  }
  const told = <A>(answer: Either.Either<ReadonlyArray<A>, JournalFailed>) => {
    if (Either.isRight(answer) && answer.right.length > 0) for (const listener of [...store.listeners]) listener()
    return answer
  }

  const newLog = () => {
    const made: Log = {
      ...sealing.makeLog(),
      kind: "session",
      writer: sealing.writer.id,
      age: store.logs++,
      entries: [],
      marks: new Set(),
      head: beginning
    }
    logs.push(made)
    return made
  }
  /** How many entries of a log a hub had when it refused it, and why it did; undefined where none of the hubs there now did. */
  const refusalOf = (log: Log) => {
    const hubs = destination.remotes.flatMap((remote) => store.remotes.get(remote)?.current ?? [])
    return hubs
      .flatMap(({ acked, refused }) => {
        const code = refused.get(log)
        return code === undefined ? [] : [{ acked: acked.get(log) ?? 0, code }]
      })
      .sort((a, b) => a.acked - b.acked)[0]
  }

  return {
    writer: sealing.writer,
    fresh: known === undefined ? "first" : false,
    index: sealing.index,
    openLog: (session) =>
      guarded(() => {
        const log = sessions.get(session)
        if (log !== undefined) return { ...ownLog(log), created: false }
        const made = newLog()
        sessions.set(session, made)
        return { ...ownLog(made), created: true }
      }),
    renew: (session, id, introduce) => {
      const renewed = guarded(() => {
        const old = logOf(id)
        const refusal = refusalOf(old)
        if (refusal === undefined) return undefined
        const { acked, code } = refusal
        const current = sessions.get(session) ?? old
        if (current !== old) return current.id
        const made = newLog()
        for (const [name, log] of sessions) if (log === old) sessions.set(name, made)
        const { first, index } = introduce(made, acked)
        const rest = movable(old.entries.slice(acked), code, ({ entryId, log, sealed }) => {
          const plain = sealing.open(old.key, { log, entryId }, sealed)
          if (plain === undefined) throw new Error("its own entry does not open")
          return plain
        })
        write(logs[0]!, index)
        write(made, [...first, ...rest], { signed: true })
        return made.id
      })
      if (Either.isRight(renewed) && renewed.right !== undefined)
        for (const listener of [...store.listeners]) listener()
      return renewed
    },
    joinLog: (id, key) =>
      guarded(() => {
        const known = logs.find((each) => each.id === id)
        if (known !== undefined) return ownLog(known)
        const joined: Log = {
          id,
          key,
          kind: "session",
          writer: sealing.writer.id,
          age: store.logs++,
          entries: [],
          marks: new Set(),
          head: beginning
        }
        logs.push(joined)
        return ownLog(joined)
      }),
    alias: (log, session) => guarded(() => void sessions.set(session, logOf(log))),
    reach: (of) => guarded(() => new Map(Array.from(of, (log) => [log, logOf(log).head.last]))),
    logs: () => guarded(() => logs.map(ownLog)),
    append: (log, plains, options = {}) =>
      told(
        guarded(() => {
          const { ids, insteadOf, marks, signed, unless } = options
          if (plains.length === 0 && signed !== true && insteadOf === undefined) return []
          const of = logOf(log)
          if (insteadOf !== undefined) pending.delete(insteadOf)
          const news = plains.map((_, n) => isNew(of, marks?.[n], unless?.[n]))
          const fresh = <A>(all: ReadonlyArray<A>) => all.filter((_, n) => news[n])
          return write(of, fresh(plains), { ...options, ...(ids === undefined ? {} : { ids: fresh(ids) }) })
        })
      ),
    known: (log, marks) => guarded(() => marks.map((mark) => logOf(log).marks.has(mark))),
    mark: (log, marks) =>
      guarded(() => {
        for (const mark of marks) logOf(log).marks.add(mark)
      }),
    read: (log, n, limit) => guarded(() => logFrom(logOf(log), n).slice(0, limit)),
    forget: (id, upTo) =>
      guarded(() => {
        const log = logOf(id)
        const acked = destination.remotes.map((address) => store.remotes.get(address)?.current?.acked.get(log) ?? 0)
        const to = acked.length === 0 || log.kind === "index" ? 0 : Math.min(upTo, ...acked)
        const kept = log.entries.filter(({ n }) => n === 1 || n > to)
        return log.entries.splice(0, log.entries.length, ...kept).length - kept.length
      }),
    pend: (run, plains, insteadOf) =>
      guarded(() => {
        if (insteadOf !== undefined) pending.delete(insteadOf)
        if (plains.length === 0) return
        const now = Date.now()
        const waiting = pending.get(run) ?? { since: now, until: now, plains: [] }
        waiting.until = now
        waiting.plains.push(...plains)
        pending.set(run, waiting)
      }),
    settle: (run, log) =>
      told(
        guarded(() => {
          const entries = write(logOf(log), pending.get(run)?.plains ?? [])
          pending.delete(run)
          return entries
        })
      ),
    pending: () =>
      guarded(() => Array.from(pending, ([run, waiting]) => ({ run, ...waiting, plains: [...waiting.plains] }))),
    // All who share a store are one process.
    hold: () => guarded(() => undefined),
    left: () => guarded(() => []),
    received: (remote) => receivedOf(store, remote, guarded),
    outbox: (remote) => outboxOf(store, remote, sealing.writer.id, guarded),
    onAppend: (listener) => {
      // A wrapper of its own, so that one listener can be given twice.
      const each = () => listener()
      own.add(each)
      store.listeners.add(each)
      return () => {
        store.listeners.delete(each)
      }
    },
    close: () => {
      closed = true
      for (const listener of own) store.listeners.delete(listener)
    }
  }
}

const find = (store: MemoryStore, index: LogId, remotes: ReadonlyArray<string>): Destination | undefined => {
  const ofIndex = store.destinations.filter(({ sealing }) => sealing.index === index)
  const name = nameOf(remotes)
  const exact = ofIndex.find((each) => nameOf(each.remotes) === name)
  if (exact !== undefined || ofIndex.length !== 1 || ofIndex[0]!.remotes.length > 0) return exact
  // Recorded for no remote so far: it is handed to the first ones.
  ofIndex[0]!.remotes = remotes
  return ofIndex[0]
}

const nameOf = (remotes: ReadonlyArray<string>) => [...new Set(remotes)].sort().join("\n")

const begin = (
  sealing: Sealing,
  introduction: Introduction,
  remotes: ReadonlyArray<string>,
  age: number
): Destination => {
  const { index, indexKey, writer } = sealing
  const first: JournalEntry = { log: index, n: 1, ...introduction }
  const head = { last: 1, digest: sealing.digest(introduction.sealed) }
  const log: Log = {
    id: index,
    kind: "index",
    key: indexKey,
    writer: writer.id,
    age,
    entries: [first],
    marks: new Set(),
    head
  }
  return { sealing, remotes, logs: [log], sessions: new Map(), pending: new Map() }
}

const outboxOf = (
  store: MemoryStore,
  address: string,
  own: Uint8Array,
  guarded: <A>(act: () => A) => Either.Either<A, JournalFailed>
): Outbox => {
  const remote = () => {
    const known = store.remotes.get(address)
    if (known !== undefined) return known
    const made: Remote = { hubs: new Map(), current: undefined, lease: undefined }
    store.remotes.set(address, made)
    return made
  }
  const hubOf = (remoteId: Uint8Array) => {
    const { hubs } = remote()
    const name = remoteId.join()
    const known = hubs.get(name)
    if (known !== undefined) return known
    const made: Hub = { acked: new Map(), refused: new Map(), lost: new Set(), cursors: new Map() }
    hubs.set(name, made)
    return made
  }
  const logs = () =>
    store.destinations
      .filter(({ remotes }) => remotes.includes(address))
      .flatMap((destination) => destination.logs)
      .sort((a, b) => Number(b.kind === "index") - Number(a.kind === "index") || a.age - b.age)
  const logOf = ({ log: id, writer }: OwedLog) => {
    const log = logs().find((each) => each.id === id && each.writer.join() === writer.join())
    if (log === undefined) throw unknownLog(id)
    return log
  }
  const isOwed = (log: Log, hub: Hub | undefined) => {
    const { last } = log.head
    const acked = hub?.acked.get(log) ?? 0
    if (acked >= last || hub?.refused.has(log) === true) return false
    if (log.kind === "index" || acked > 0 || hub === undefined) return true
    return ![...remote().hubs.values()].some((earlier) => (earlier.acked.get(log) ?? 0) >= last)
  }

  const waiting = (of: Reach | undefined) => {
    const hub = remote().current
    const upTo = ({ head, id, writer }: Log) =>
      of === undefined ? head.last : writer.join() === own.join() ? Math.min(of.get(id) ?? 0, head.last) : 0
    return logs()
      .filter((log) => isOwed(log, hub))
      .reduce((sum, log) => sum + Math.max(0, upTo(log) - (hub?.acked.get(log) ?? 0)), 0)
  }

  return {
    lease: (owner, forMs) =>
      guarded(() => {
        const now = Date.now()
        const { lease } = remote()
        // A lease that begins in the future is of before the clock was set back.
        if (lease !== undefined && lease.owner !== owner && lease.since <= now && now < lease.until) return false
        remote().lease = { owner, since: now, until: now + forMs }
        return true
      }),
    release: (owner) =>
      guarded(() => {
        if (remote().lease?.owner === owner) remote().lease = undefined
      }),
    owed: (remoteId) =>
      guarded(() => {
        const hub = hubOf(remoteId)
        remote().current = hub
        return logs()
          .filter((log) => isOwed(log, hub))
          .map((log) => ({
            log: log.id,
            writer: log.writer,
            keep: log.kind === "index",
            acked: hub.acked.get(log) ?? 0,
            last: log.head.last
          }))
      }),
    page: (log, n, limits) =>
      guarded(() => {
        const page: Array<JournalEntry> = []
        let bytes = 0
        for (const entry of logFrom(logOf(log), n).slice(0, limits.entries)) {
          bytes += entry.sealed.byteLength
          if (page.length > 0 && bytes > limits.bytes) break
          page.push(entry)
        }
        return page
      }),
    acked: (remoteId, owed, n) =>
      guarded(() => {
        const { acked } = hubOf(remoteId)
        const log = logOf(owed)
        acked.set(log, Math.max(Math.min(n, log.head.last), acked.get(log) ?? 0))
      }),
    refused: (remoteId, owed, { code }) => guarded(() => void hubOf(remoteId).refused.set(logOf(owed), code)),
    // Nobody else asks.
    held: () => guarded(() => undefined),
    setBack: (remoteId, owed) =>
      guarded(() => {
        const hub = hubOf(remoteId)
        const log = logOf(owed)
        if (hub.acked.has(log) || hub.refused.has(log)) hub.lost.add(log)
      }),
    lost: () =>
      guarded(() => {
        const hub = remote().current
        const isLost = (log: Log) =>
          hub?.lost.has(log) === true || ((hub?.acked.get(log) ?? 0) < log.head.last && !isOwed(log, hub))
        return logs().filter((log) => hub?.refused.has(log) !== true && isLost(log)).length
      }),
    again: () =>
      guarded(() => {
        for (const hub of remote().hubs.values()) {
          const isCurrent = hub === remote().current
          for (const log of [...hub.acked.keys(), ...hub.refused.keys()]) {
            if (isCurrent && hub.refused.has(log)) continue
            for (const kept of [hub.acked, hub.refused, hub.lost]) kept.delete(log)
          }
        }
        return waiting(undefined)
      }),
    waiting: (of) => guarded(() => waiting(of)),
    cursor: (remoteId, log) => guarded(() => hubOf(remoteId).cursors.get(log) ?? 0),
    moveCursor: (remoteId, log, sequence) => guarded(() => void hubOf(remoteId).cursors.set(log, sequence))
  }
}

/** Remembers the marks of what is new; a thing without any always is. */
const isNew = ({ marks }: Log, mark: string | undefined, unless: Unless | undefined) => {
  if (unless?.told.some((one) => marks.has(one)) === true) return false
  if (mark !== undefined && marks.has(mark)) return false
  for (const one of [...(mark === undefined ? [] : [mark]), ...(unless?.tells ?? [])]) marks.add(one)
  return true
}
/** The entries from `n` on. What was forgotten lies between the first and the rest. */
const logFrom = ({ entries, head }: Log, n: number) =>
  n <= 1 ? entries : entries.slice(Math.max(1, n - 1 - (head.last - entries.length)))

const ownLog = ({ entries, head, id, key, kind }: Log): OwnLog => {
  const gone = head.last - entries.length
  return { id, kind, key, last: head.last, forgot: gone === 0 ? 0 : gone + 1 }
}

const failed = (what: string, cause?: unknown) => Either.left(new JournalFailed({ reason: "other", what, cause }))
const unknownLog = (log: LogId) => new JournalFailed({ reason: "other", what: `This journal has no log ${log}.` })

type Guarded = <A>(act: () => A) => Either.Either<A, JournalFailed>

const receivedOf = (store: MemoryStore, remote: string, guarded: Guarded): Received => {
  const known = store.received.get(remote) ?? { from: undefined, logs: new Map<string, Array<ReceivedEntry>>() }
  store.received.set(remote, known)
  return {
    from: () => guarded(() => known.from),
    begin: (remoteId) =>
      guarded(() => {
        if (known.from?.join() === remoteId.join()) return
        known.from = remoteId
        known.logs.clear()
      }),
    read: (log, after, limit) =>
      guarded(() => (known.logs.get(log) ?? []).filter(({ sequence }) => sequence > after).slice(0, limit)),
    keep: (log, after, entries) =>
      guarded(() => {
        const kept = known.logs.get(log) ?? []
        const last = kept.at(-1)?.sequence ?? 0
        if (last < after) return
        for (const { encryptedEntry, entryId, sequence } of entries) {
          const copy = { sequence, entryId: entryId.slice(), encryptedEntry: encryptedEntry.slice() }
          if (sequence > last) kept.push(copy)
        }
        known.logs.set(log, kept)
      }),
    drop: (log) => guarded(() => void known.logs.delete(log))
  }
}
