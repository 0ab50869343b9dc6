/**
 * The logs of this machine's own writers, as a replica reads them: from where they were read last, whoever of the machine wrote, and
 * before a write of this process answers. Also the program's own log: opened, introduced, and gone on with in another where a hub retired it.
 */
import { bytesToHex } from "@noble/hashes/utils.js"
import * as Either from "effect/Either"
import type { Aead } from "../crypto/Aead.ts"
import * as Envelope from "../crypto/Envelope.ts"
import * as Sealer from "../crypto/Sealer.ts"
import { type LogId, SessionId } from "../domain/Ids.ts"
import * as Payload from "../domain/Payload.ts"
import type { Journal, JournalFailed } from "../journal/Journal.ts"
import { restoredOf } from "../sync/snapshot.ts"
import { type Entry, type Origin, PROGRAM } from "./Unit.ts"

/** A writer's logs, to read. */
export type Earlier = NonNullable<Journal["earlier"]>[number]

/** How far a log was read, and whose it is. */
interface Reading {
  n: number
  origin: Origin | undefined
}

export interface OwnLogsOptions {
  readonly scope: string
  /** For people. */
  readonly name: string
  readonly host: string | undefined
  readonly aead: Aead
  /** The one that is written to, and all that are read. */
  readonly journal: Journal | undefined
  readonly journals: ReadonlyArray<Journal>
  /** Of writers before ours in the same files (`Journal.earlier`); read once, as others'. */
  readonly earlier?: ReadonlyArray<Earlier>
  /** Whether sessions of agents and of other scopes are read too. */
  readonly everything: boolean
  /** Each entry once, in its writer's order. */
  readonly onEntry: (entry: Entry) => void
  /** An agent told its session's id after the log had begun. */
  readonly onAlias: (of: Origin, alias: string) => void
  readonly onTrouble: (what: string) => void
  readonly wall: () => number
}

export interface OwnLogs {
  /** What is written to it is told before it answers. */
  readonly journal: Journal | undefined
  /** The program's log, opened and introduced where it is new; undefined where nothing is written. */
  readonly own: () => Either.Either<LogId, JournalFailed> | undefined
  /** Tells what is there, and from then on what comes. */
  readonly begin: () => void
  readonly stop: () => void
}

const PAGE = 500
/** Milliseconds in which several appends of other processes are looked at together. */
const LOOK_MS = 20

export const makeOwnLogs = (options: OwnLogsOptions): OwnLogs => {
  const { aead, everything, journals, onAlias, onEntry, scope, wall } = options
  const keys = Sealer.makeKeyring()
  /** How far each log was read, and whose it is. */
  const read = new Map<LogId, Reading>()
  /** Which of our logs the index has told of. */
  const started = new Map<LogId, Origin>()
  const ownName = `${PROGRAM}:${scope}`
  const ownOrigin = {
    session: SessionId.make(scope.slice(0, 200)),
    agent: PROGRAM,
    agentName: options.name,
    title: options.name,
    host: options.host
  }
  let log: LogId | undefined
  let reading = false
  let looking: ReturnType<typeof setTimeout> | undefined
  let stopped = false

  const guarded = <A>(answer: Either.Either<A, JournalFailed>): A | undefined => {
    if (Either.isRight(answer)) return answer.right
    options.onTrouble(answer.left.message)
    return undefined
  }

  /** Reads a log from where it was read last. */
  const catchUp = (journal: Journal, id: LogId) => {
    const state = read.get(id) ?? { n: 0, origin: undefined }
    read.set(id, state)
    readOn(journal, id, state, true)
  }
  const readOn = (journal: Earlier, id: LogId, state: Reading, own: boolean) => {
    for (;;) {
      const page = guarded(journal.read(id, state.n + 1, PAGE)) ?? []
      for (const { entryId, n, sealed } of page) {
        state.n = n
        const opened = Either.flatMap(Sealer.open(aead, keys, { log: id, entryId }, sealed), Envelope.decode)
        if (Either.isLeft(opened)) {
          options.onTrouble(`Entry ${n} of log ${id} in the journal does not open: ${opened.left.message}`)
          continue
        }
        const { plain, seen, writer } = opened.right
        const content = Payload.decode(plain)
        if (content._tag === "Header") state.origin = content.header
        if (state.origin === undefined) continue
        if (!own && !everything && !isOurs(state.origin)) return
        const { agent, countsFrom = 0, session } = state.origin
        const from = { session, agent, writer: bytesToHex(writer), own }
        if (content._tag === "Snapshot") {
          for (const restored of restoredOf(content.snapshot, 0)) {
            onEntry({ ...from, ...restored, n: countsFrom + restored.n })
          }
        } else onEntry({ ...from, n: countsFrom + n, entryId, seen, content })
      }
      if (page.length < PAGE) return
    }
  }

  /** A log of this scope's programs: also one by which they went on elsewhere, and those that they had before. */
  const isOurs = (of: Origin | undefined) => of?.agent === PROGRAM && of.session === ownOrigin.session

  /** What another process of this machine wrote, into logs that are read here. */
  const look = () => {
    looking = undefined
    if (stopped) return
    for (const journal of journals) {
      for (const { id, key, kind, last } of guarded(journal.logs()) ?? []) {
        if (kind === "session" && !everything && !read.has(id) && !isOurs(started.get(id))) continue
        keys.add(key)
        if (last <= (read.get(id)?.n ?? 0)) continue
        if (kind === "index") catchUpIndex(journal)
        else catchUp(journal, id)
      }
    }
  }

  /** What the index says of our sessions and their logs do not: an id that an agent told late. */
  const catchUpIndex = (journal: Journal) => {
    const state = read.get(journal.index) ?? { n: 0, origin: undefined }
    read.set(journal.index, state)
    readIndexOn(journal, state)
  }
  const readIndexOn = (journal: Earlier, state: Reading) => {
    for (;;) {
      const page = guarded(journal.read(journal.index, state.n + 1, PAGE)) ?? []
      for (const { entryId, n, sealed } of page) {
        state.n = n
        // Its first entry is for readers, and does not open here.
        const opened = Either.flatMap(Sealer.open(aead, keys, { log: journal.index, entryId }, sealed), Envelope.decode)
        const content = Either.isRight(opened) ? Payload.decode(opened.right.plain) : undefined
        if (content?._tag !== "Index") continue
        const { event } = content
        if (event._tag === "index.started") started.set(event.log, event)
        if (event._tag !== "index.changed" || event.alias === undefined) continue
        const of = started.get(event.log)
        if (of !== undefined) onAlias(of, event.alias)
      }
      if (page.length < PAGE) return
    }
  }

  /** What our own writers before this one wrote, who wrote under other numbers. */
  const readEarlier = (journal: Earlier) => {
    for (const { id, key, kind } of guarded(journal.logs()) ?? []) {
      keys.add(key)
      if (kind === "session") readOn(journal, id, { n: 0, origin: undefined }, false)
    }
    readIndexOn(journal, { n: 0, origin: undefined })
  }

  /** A journal whose writes are seen here before they answer. */
  const observed = (journal: Journal): Journal => {
    const seeing = <A>(answer: Either.Either<A, JournalFailed>, id: LogId) => {
      if (Either.isLeft(answer)) return answer
      if (id === journal.index) catchUpIndex(journal)
      // What stays on this machine lies in a twin of the log.
      else if (journals.length > 1) look()
      else if (everything || read.has(id)) catchUp(journal, id)
      return answer
    }
    /** What this process writes itself needs no look. */
    const quietly = <A>(write: () => A): A => {
      const before = reading
      reading = true
      try {
        return write()
      } finally {
        reading = before
      }
    }
    return {
      ...journal,
      openLog: (session) => {
        const opened = journal.openLog(session)
        if (Either.isRight(opened)) keys.add(opened.right.key)
        return opened
      },
      append: (id, plains, more) =>
        seeing(
          quietly(() => journal.append(id, plains, more)),
          id
        ),
      settle: (run, id) =>
        seeing(
          quietly(() => journal.settle(run, id)),
          id
        )
    }
  }

  const { journal: target } = options
  const journal = target === undefined ? undefined : observed(target)
  let stops: ReadonlyArray<() => void> = []

  const headerOf = (to: Journal, time: number, countsFrom?: number) => {
    const { id: writer, signer } = to.writer
    return Payload.encodeHeader({
      _tag: "log.header",
      time,
      ...ownOrigin,
      countsFrom,
      writers: [{ writer, signer }]
    })
  }

  /** From now on it is read here, with what stays on this machine of it. */
  const reads = (to: Journal, id: LogId): Either.Either<void, JournalFailed> =>
    Either.map(to.apart?.twinOf(id) ?? Either.right(id), (twin) => {
      for (const each of [id, twin]) if (!read.has(each)) read.set(each, { n: 0, origin: undefined })
    })

  /** Opens the program's log, and introduces it where it is new. */
  const openOwn = (to: Journal): Either.Either<LogId, JournalFailed> =>
    Either.gen(function* () {
      if (log !== undefined) return yield* goneOn(to, log)
      const { id, key, last } = yield* to.openLog(ownName)
      yield* reads(to, id)
      if (last === 0) {
        const time = wall()
        yield* to.append(to.index, [Payload.encodeIndex({ _tag: "index.started", log: id, key, time, ...ownOrigin })])
        yield* to.append(id, [headerOf(to, time)])
      }
      log = id
      return id
    })

  /** The log by which the program goes on: another one, where a hub had retired it. */
  const goneOn = (to: Journal, from: LogId): Either.Either<LogId, JournalFailed> =>
    Either.gen(function* () {
      const fresh = yield* to.renew(ownName, from, ({ id, key }, { last }) => {
        const time = wall()
        const countsFrom = (read.get(from)?.origin?.countsFrom ?? 0) + last
        return {
          index: [
            Payload.encodeIndex({ _tag: "index.changed", log: from, time, state: "ended", title: options.name }),
            Payload.encodeIndex({ _tag: "index.started", log: id, key, time, ...ownOrigin, countsFrom })
          ],
          first: [headerOf(to, time, countsFrom)]
        }
      })
      if (fresh === undefined) return from
      yield* reads(to, fresh)
      log = fresh
      look()
      return fresh
    })

  return {
    journal,
    own: () => (journal === undefined ? undefined : openOwn(journal)),
    begin: () => {
      stops = journals.map((each) =>
        each.onAppend(() => {
          if (!reading && looking === undefined) looking = setTimeout(look, LOOK_MS)
        })
      )
      for (const each of options.earlier ?? []) readEarlier(each)
      // The index's key first: what the opening of a new log writes is read at once.
      look()
      if (journal === undefined || guarded(openOwn(journal)) === undefined) return
      if (!everything) look()
      // What a hub refused while no program ran.
      guarded(openOwn(journal))
    },
    stop: () => {
      stopped = true
      clearTimeout(looking)
      for (const stop of stops) stop()
    }
  }
}
