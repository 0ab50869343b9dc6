/**
 * A journal that forgets everything at exit: for tests, and for programs that want no disk. A `MemoryStore` stands
 * where the file stands; journals opened on the same one see each other. It is written by the definitions of
 * `Journal.ts`, without indexes, so that other journals can be held against it.
 */
import * as Either from "effect/Either"
import type { LogId } from "../domain/Ids.ts"
import type { Plain } from "../domain/Payload.ts"
import { type Journal, JournalFailed, type OwnLog, type Unless } from "./Journal.ts"
import { outboxOf } from "./memory/outbox.ts"
import { receivedOf } from "./memory/received.ts"
import {
  begin,
  failed,
  find,
  type Guarded,
  type Log,
  logFrom,
  type MemoryStore,
  makeStore,
  unknownLog
} from "./memory/Store.ts"
import { beginning, type ExtendOptions, extend, type Introduction, movable, moved, type Sealing } from "./Sealing.ts"

export { type MemoryStore, makeStore }

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

  const guarded: Guarded = (act) => {
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
  const write = (log: Log, plains: ReadonlyArray<Plain>, options: ExtendOptions = {}) => {
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
        for (const mark of old.marks) made.marks.add(mark)
        const { first, index } = introduce(made, { acked, last: old.head.last })
        const rest = movable(old.entries.slice(acked), code, ({ entryId, log, sealed }) => {
          const opened = sealing.open(old.key, { log, entryId }, sealed)
          if (opened === undefined) throw new Error("its own entry does not open")
          return opened
        })
        write(logs[0]!, index)
        write(made, ...moved(first, rest))
        return made.id
      })
      if (Either.isRight(renewed) && renewed.right !== undefined)
        for (const listener of [...store.listeners]) listener()
      return renewed
    },
    stranded: () =>
      guarded(() =>
        logs
          .filter((log) => {
            const { acked = 0 } = refusalOf(log) ?? {}
            return acked > 0 && acked < log.head.last && [...sessions.values()].includes(log)
          })
          .map(({ id }) => id)
      ),
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

/** Remembers the marks of what is new; a thing without any always is. */
const isNew = ({ marks }: Log, mark: string | undefined, unless: Unless | undefined) => {
  if (unless?.told.some((one) => marks.has(one)) === true) return false
  if (mark !== undefined && marks.has(mark)) return false
  for (const one of [...(mark === undefined ? [] : [mark]), ...(unless?.tells ?? [])]) marks.add(one)
  return true
}
const ownLog = ({ entries, head, id, key, kind }: Log): OwnLog => {
  const gone = head.last - entries.length
  return { id, kind, key, last: head.last, forgot: gone === 0 ? 0 : gone + 1 }
}
