/**
 * The sessions of one run, as they are written down: which one it is now, its log once it has a name, and what the index is
 * told of it. Mostly there is one; an agent that begins anew in the same process has several, one after the other.
 */
import * as Either from "effect/Either"
import type { About } from "../agents/Adapter.ts"
import type { AgentEvent } from "../domain/AgentEvent.ts"
import type { LogId } from "../domain/Ids.ts"
import type { IndexEvent, Origin } from "../domain/IndexEvent.ts"
import { encodeIndex, type Plain } from "../domain/Payload.ts"
import { makeSession, type Session, type SessionFold } from "../domain/Session.ts"
import type { AppendOptions, Journal, JournalFailed, Unless } from "../journal/Journal.ts"
import type { Timer, Timers } from "../sync/Link.ts"
import type { Backlog } from "./Backlog.ts"
import { elsewhereMarks } from "./elsewhere.ts"
import { CHECKPOINT_MS, headerOf, STATE_MS, sessionIdOf, titleStays } from "./entries.ts"
import { makeGoOn } from "./goOn.ts"
import { isApart, PRINTED_MS, printedMarks } from "./twice.ts"

/** How long, in bytes and milliseconds, events wait for the agent to tell its session (house §3). */
const UNNAMED_BYTES = 64 * 1024
const UNNAMED_MS = 2_000
/** Entries of a log at most that its writer has not signed yet, while the session goes on. */
const UNSIGNED_ENTRIES = 500
/** Someone is waited for: told sooner, but not where a program answers by itself. Milliseconds. */
const WAITING_MS = 500

export interface RunSessionsOptions {
  readonly journal: Journal
  readonly backlog: Backlog
  /** A UUID of the run. */
  readonly run: string
  /** What comes here is not all of the session: its figures are not told, and a session that goes on is not new. */
  readonly partial: boolean
  readonly timers: Timers
  /** Milliseconds since 1970: now, and when the run began. */
  readonly wall: () => number
  readonly began: number
  /** What is known of a session from outside; what its agent tells goes before it. */
  readonly outside: () => Omit<Origin, "session" | "title">
  /** What it is called where its agent does not tell. */
  readonly title: () => string | undefined
}

/** What is written down at once: events as they are recorded, each with what goes into the journal for it. */
export interface Batch {
  readonly events: ReadonlyArray<AgentEvent>
  readonly plains: ReadonlyArray<Plain>
  /** One for each of `plains`. */
  readonly unless: ReadonlyArray<Unless | undefined>
  readonly bytes: number
}

export interface RunSessions {
  /** The agent's name for the session that it is now, or the run's own; undefined as long as there is none. */
  readonly name: () => string | undefined
  /** Whether what comes under this id is not of the session that came until now. */
  readonly isAnother: (session: string) => boolean
  /** What the agent told of its session; where it told another id, that one begins. Its title is redacted. */
  readonly learn: (about: About) => void
  /** Opens a log under the run's own name where the agent has told none within two seconds. */
  readonly awaitName: () => void
  /** Opens it now. */
  readonly beginUnnamed: () => void
  /** Into the log, or where there is none yet into what waits for one. The write forgets what was pended as `insteadOf`. */
  readonly add: (batch: Batch, insteadOf?: string) => void
  /** Goes on in a new log where the hub takes the old one no more; answers whether it does. */
  readonly moveOn: () => boolean
  /** Tells the index how things stand, if it was told of the session or `told` says that it has to be. No timer is left. */
  readonly end: (told: boolean) => void
  readonly recorded: () => {
    readonly session: string | undefined
    readonly logs: ReadonlyArray<LogId>
    readonly events: number
    readonly view: Session
  }
}

/** From its first event on; it has a name and a log as soon as they are known. */
interface RunSession {
  name: string | undefined
  /** It was opened under the run's own name, because the agent had told none. */
  unnamed: boolean
  /** Known once the journal could be written. Writes look at it when their turn comes. */
  log: LogId | undefined
  readonly fold: SessionFold
  events: number
  /** Entries since the last signature. */
  unsigned: number
  /** Bytes of its events while it has no name. */
  bytes: number
  about: About
  /** What the index was told last. */
  told:
    | { readonly state: Session["state"] | undefined; readonly title: string | undefined; readonly at: number }
    | undefined
}

/** For one run. Its first session begins with the first event. */
export const makeRunSessions = (options: RunSessionsOptions): RunSessions => {
  const { backlog, began, journal, outside, partial, run, timers, wall } = options
  const clocks = new Set<Timer>()
  const runName = `run:${run}`
  const isUntitled = titleStays(journal)
  let stateTimer: Timer | undefined
  let stateDue = 0
  let current = newSession()
  const all = [current]
  const goOn = makeGoOn(journal)
  let total = 0

  const after = (ms: number, act: () => void): Timer => {
    const timer = timers.after(ms, () => {
      clocks.delete(timer)
      act()
    })
    clocks.add(timer)
    return timer
  }

  /** Opens the log of a session, introduces it, and moves what waited for it there. */
  const begin = (of: RunSession, name: string) => {
    of.name = name
    const title = titleOf(of)
    of.told = { state: "running", title, at: wall() }
    backlog.put(() =>
      Either.gen(function* () {
        const { id, key, last } = yield* journal.openLog(`${outside().agent}:${name}`)
        const origin = originOf(of, name)
        const time = wall()
        const goesOn = last > 0 && partial
        // What was told of it last is not known; the next event tells.
        if (goesOn && of.told !== undefined) of.told = { ...of.told, state: undefined, title: undefined }
        else {
          yield* journal.append(journal.index, [
            encodeIndex(
              last === 0
                ? { _tag: "index.started", log: id, key, time, ...origin }
                : { _tag: "index.changed", log: id, time, state: "running", title, cwd: origin.cwd }
            )
          ])
        }
        if (last === 0) {
          yield* journal.append(id, [headerOf(journal, origin, time)])
        }
        of.log = id
        yield* renewed(of)
        yield* journal.settle(run, of.log)
        // Of a part of a session nobody expects that it goes on.
        if (!partial) yield* journal.hold(of.log, run)
      })
    )
    if (isApart(outside().agent)) beat(of, began)
  }

  /** As long as we record it, whoever follows the agent's own file need not. */
  const beat = (of: RunSession, since: number) => {
    if (of !== current) return
    const now = wall()
    const marks = printedMarks(now, since)
    backlog.put(() => (of.log === undefined ? Either.right(undefined) : journal.mark(of.log, marks)))
    after(PRINTED_MS / 2, () => beat(of, now))
  }

  /** Goes on in a new log where the hub takes the old one no more; answers whether it does. */
  const renewed = (of: RunSession): Either.Either<boolean, JournalFailed> => {
    const { log, name } = of
    if (log === undefined || name === undefined) return Either.right(false)
    const told = (to: LogId) => ({ ...checkpointOf(of), log: to })
    const made = goOn(log, { session: name, origin: originOf(of, name), time: wall(), told })
    return Either.map(made, (fresh) => {
      if (fresh === undefined) return false
      of.log = fresh
      return true
    })
  }

  const beginUnnamed = () => {
    if (current.name !== undefined) return
    current.unnamed = true
    begin(current, runName)
  }

  const named = (name: string) => {
    if (current.name === name) return
    if (current.unnamed && current.name === runName) {
      // The agent told its id late: the same log answers to it from now on.
      const late = current
      late.name = name
      backlog.put(() =>
        late.log === undefined ? Either.right(undefined) : journal.alias(late.log, `${outside().agent}:${name}`)
      )
      const { state } = late.fold.view
      tellIndex(late, (log) => ({
        _tag: "index.changed",
        log,
        time: wall(),
        state,
        title: titleOf(late),
        alias: sessionIdOf(name)
      }))
      return
    }
    if (current.name !== undefined) {
      // One process, another session: what comes now belongs to that one.
      checkpoint()
      current = newSession()
      all.push(current)
    }
    begin(current, name)
  }

  const originOf = (of: RunSession, name: string): Origin => {
    const { agent, agentName, branch, commit, cwd, host, repository } = outside()
    const { about } = of
    return {
      session: sessionIdOf(name),
      agent,
      agentName: about.agentName ?? agentName,
      title: titleOf(of),
      cwd: about.cwd ?? cwd,
      host,
      branch: about.branch ?? branch,
      commit,
      repository: about.repository ?? repository
    }
  }
  const titleOf = ({ about, fold }: RunSession) =>
    isUntitled ? undefined : (about.title ?? fold.view.title ?? options.title())

  const tellIndex = (of: RunSession, event: (log: LogId) => IndexEvent, how?: AppendOptions) =>
    backlog.put(() =>
      of.log === undefined ? Either.right(undefined) : journal.append(journal.index, [encodeIndex(event(of.log))], how)
    )

  const upkeep = () => {
    if (current.told === undefined) return
    if (wall() - current.told.at >= CHECKPOINT_MS) return checkpoint()
    if (!differs(current)) return
    const ms = current.fold.view.state === "waiting" ? WAITING_MS : STATE_MS
    const due = timers.now() + ms
    if (stateTimer !== undefined && stateDue <= due) return
    stateTimer?.cancel()
    stateDue = due
    stateTimer = after(ms, () => {
      stateTimer = undefined
      const now = current
      if (now.told === undefined || !differs(now)) return
      const { state } = now.fold.view
      const title = titleOf(now)
      now.told = { ...now.told, state, title }
      tellIndex(now, (log) => ({ _tag: "index.changed", log, time: wall(), state, title }))
    })
  }
  const differs = (of: RunSession) => of.fold.view.state !== of.told?.state || titleOf(of) !== of.told?.title

  const checkpoint = (how?: AppendOptions) => {
    const now = current
    const { state } = now.fold.view
    const title = titleOf(now)
    now.told = { state, title, at: wall() }
    const told = partial ? ({ _tag: "index.changed", time: wall(), state, title } as const) : checkpointOf(now)
    tellIndex(now, (log) => ({ ...told, log }), how)
  }
  const checkpointOf = (of: RunSession) => {
    const { figures, state } = of.fold.view
    return { _tag: "index.checkpoint", time: wall(), state, title: titleOf(of), events: of.events, figures } as const
  }

  const append = (of: RunSession, plains: ReadonlyArray<Plain>, how: AppendOptions) => {
    of.unsigned += plains.length
    const signed = of.unsigned >= UNSIGNED_ENTRIES
    if (signed) of.unsigned = 0
    return Either.map(journal.append(of.log!, plains, { ...how, signed }), (written) => {
      const leftOut = plains.length + Number(signed) - written.length
      of.events -= leftOut
      total -= leftOut
    })
  }

  /** The log of a session that is over ends in its writer's signature, whoever told that it is. */
  const sign = (of: RunSession) =>
    backlog.put(() =>
      of.log === undefined
        ? Either.right(undefined)
        : Either.flatMap(renewed(of), () => journal.append(of.log!, [], { signed: true }))
    )

  /** It has a name, and its agent told it. */
  const isNamed = () => current.name !== undefined && current.name !== runName

  return {
    name: () => current.name,
    isAnother: (session) => isNamed() && session !== current.name,
    learn: (told) => {
      if (told.session !== undefined && isNamed()) named(told.session)
      current.about = { ...current.about, ...told }
      if (told.session !== undefined) named(told.session)
    },
    awaitName: () => void after(UNNAMED_MS, beginUnnamed),
    beginUnnamed,
    add: ({ bytes, events, plains, unless }, insteadOf) => {
      const of = current
      for (const event of events) of.fold.add(event)
      of.events += plains.length
      total += plains.length
      backlog.put(
        () =>
          of.log === undefined
            ? journal.pend(run, plains, insteadOf)
            : Either.flatMap(renewed(of), () => append(of, plains, { insteadOf, unless })),
        bytes,
        plains.length
      )
      if (of.name === undefined) {
        of.bytes += bytes
        if (of.bytes > UNNAMED_BYTES) beginUnnamed()
      }
      const marks = elsewhereMarks(events)
      if (marks.length > 0)
        backlog.put(() => (of.log === undefined ? Either.right(undefined) : journal.mark(of.log, marks)))
      const { state } = of.fold.view
      if (state === "ended" || state === "failed") sign(of)
      upkeep()
    },
    moveOn: () => Either.getOrElse(renewed(current), () => false),
    end: (told) => {
      for (const clock of clocks) clock.cancel()
      if (told || current.told !== undefined) checkpoint({ releases: run })
    },
    recorded: () => ({
      session: current.name,
      logs: all.flatMap(({ log }) => (log === undefined ? [] : [log])),
      events: total,
      view: current.fold.view
    })
  }
}

const newSession = (): RunSession => ({
  name: undefined,
  unnamed: false,
  log: undefined,
  fold: makeSession(),
  events: 0,
  unsigned: 0,
  bytes: 0,
  about: {},
  told: undefined
})
