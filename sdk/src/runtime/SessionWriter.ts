/**
 * One session written into the journal from the files its agent keeps: events that the journal has already add nothing,
 * so a file may be read as often as one likes, by several processes, and after a kill. Times are the agent's own.
 * Reading files is the platform's business, their lines are `SessionFile`'s.
 */

import * as Either from "effect/Either"
import type { About } from "../agents/Adapter.ts"
import { makeRedactor, type Redacted, type RedactionOptions } from "../agents/Redaction.ts"
import type { AgentEvent } from "../domain/AgentEvent.ts"
import type { LogId } from "../domain/Ids.ts"
import type { IndexEvent, Origin, State } from "../domain/IndexEvent.ts"
import { encodeIndex, type Plain } from "../domain/Payload.ts"
import { makeSession, type Session } from "../domain/Session.ts"
import type { AppendOptions, Journal, Unless } from "../journal/Journal.ts"
import { markKeyOf } from "../journal/markKey.ts"
import type { Backlog } from "./Backlog.ts"
import { stateOf } from "./elsewhere.ts"
import { CHECKPOINT_MS, entriesOf, openSession, STATE_MS, safeOf, sessionIdOf, titleStays } from "./entries.ts"
import { makeGoOn } from "./goOn.ts"
import { failureIn, isApart, printedMarks, promptIn, turnMarks, twiceUnless } from "./twice.ts"

/** Milliseconds within which a record may be of a run that is being recorded too. */
const LIVE_MS = 10 * 60_000

/** A session of an agent, and where it is recorded. */
export interface SessionWriterOptions {
  /** Undefined where nothing is to be written down: a dry run. */
  readonly journal: Journal | undefined
  readonly backlog: Backlog
  /** The adapter's `agent`, and the agent's own session id. */
  readonly agent: string
  readonly session: string
  readonly about: { readonly host?: string }
  /** False leaves out the branch and repository that the agent tells. */
  readonly git?: boolean
  /** The person's own rules for secrets. */
  readonly redaction?: Omit<RedactionOptions, "key">
  /** Milliseconds since 1970. */
  readonly wall: () => number
}

/** What a session writer has written down so far. */
export interface Written {
  /** Entries that were added. */
  readonly added: number
  /** Events that were there already. */
  readonly known: number
  /** Secrets found and replaced, by rule. */
  readonly redacted: ReadonlyMap<string, number>
  readonly view: Session
}

/** Writes one session's events, each once, whatever is read again. */
export interface SessionWriter {
  readonly session: string
  /** Durable on return, or in the backlog. What the log has already adds nothing; other content under a known key is an update. */
  readonly add: (events: ReadonlyArray<AgentEvent>) => void
  /** What was told of the session outside its events: its title, folder, model. */
  readonly learn: (about: About) => void
  /** Tells the index what changed, if something did and it lasted. Call it once in a while, and with `true` when all is read. */
  readonly settle: (last: boolean) => void
  /** What came of it by now. */
  readonly written: () => Written
}

/** One for each session; several files may share it. */
export const makeSessionWriter = (options: SessionWriterOptions): SessionWriter => {
  const { agent, backlog, git = true, journal, session, wall } = options
  const fold = makeSession()
  const redacted = new Map<string, number>()
  const redactor = makeRedactor({ ...options.redaction, ...(journal === undefined ? {} : markKeyOf(journal)) })
  /** Calls of subagents, as their parent's records tell them. */
  const calls = new Map<string, string>()
  let about: About = {}
  let log: LogId | undefined
  let isBegun = false
  /** The log was made by this writer, so that it has nothing yet but what is added here. */
  let isNew = false
  /** Milliseconds since 1970: when it was made. */
  let openedAt = 0
  /** How many of the added the last signature covers. */
  let signed = 0
  let added = 0
  let known = 0
  let told:
    | { readonly state: State; readonly title: string | undefined; readonly added: number; readonly at: number }
    | undefined

  const goOn = journal === undefined ? undefined : makeGoOn(journal)
  const isUntitled = journal !== undefined && titleStays(journal)
  const titleOf = () => (isUntitled ? undefined : (about.title ?? fold.view.title))
  const originOf = (): Origin => ({
    session: sessionIdOf(session),
    agent,
    agentName: about.agentName,
    title: titleOf(),
    cwd: about.cwd,
    host: options.about.host,
    ...(git ? { branch: about.branch, repository: about.repository } : {})
  })

  const begin = (to: Journal) => {
    isBegun = true
    const { lastAt, startedAt } = fold.view
    told = { state: stateOf(fold.view, to, log, wall()), title: titleOf(), added: 0, at: wall() }
    const { state: first } = told
    const origin = originOf()
    backlog.put(() => {
      const found = to.openLog(`${agent}:${session}`)
      if (Either.isLeft(found)) return found
      // One that goes on is told again only when there is news of it.
      if (found.right.last > 0) {
        log = found.right.id
        return found
      }
      const time = startedAt ?? lastAt ?? wall()
      const opened = openSession(to, { name: session, origin, time, state: first })
      if (Either.isRight(opened)) {
        isNew = true
        openedAt = wall()
        log = opened.right
        if (first !== "running")
          tell(
            to,
            { _tag: "index.changed", log, time: lastAt ?? time, state: first, title: origin.title },
            `${first} ${lastAt}`
          )
      }
      return opened
    })
  }

  /** In which log it goes on, where a hub takes it no more. */
  const renewed = (from: LogId) => {
    const time = wall()
    const { counts, figures } = fold.view
    const told = (to: LogId) =>
      ({
        _tag: "index.checkpoint",
        log: to,
        time,
        state: stateOf(fold.view, journal, from, time),
        title: titleOf(),
        events: counts.events,
        figures
      }) as const
    return Either.map(goOn?.(from, { session, origin: originOf(), time, told }) ?? Either.right(undefined), (fresh) => {
      log = fresh ?? from
      return log
    })
  }

  const append = (
    to: Journal,
    plains: ReadonlyArray<Plain>,
    options: Pick<AppendOptions, "marks" | "unless">,
    bytes: number
  ) =>
    backlog.put(
      () => {
        if (log === undefined) return Either.right(undefined)
        const done = Either.flatMap(renewed(log), (now) => to.append(now, plains, options))
        if (Either.isRight(done)) {
          added += done.right.length
          known += plains.length - done.right.length
        }
        return done
      },
      bytes,
      plains.length
    )

  /**
   * Whether `run` records this in another way: a prompt that it takes from its command line, why a turn failed, and their turns;
   * and all that it hears of an agent whose output has other keys. What it did not is told it in turn, as long as it may.
   */
  const unlessOf = (event: AgentEvent, twice: ReadonlyMap<string, Unless>): Unless | undefined => {
    // What a subagent does stands in its own file only, and nothing that is recorded now is older than its log.
    if (event.kind === "session_start" || event.subagent !== undefined || isPast(event)) return undefined
    const its = twice.get(event.key)
    const isPrinted = isApart(agent) && isKept(event)
    const isNow = wall() - event.time < LIVE_MS
    const told = [...(its?.told ?? []), ...(isPrinted ? printedMarks(event.time) : [])]
    const tells = [
      ...(its?.tells ?? []),
      ...(event.kind === "turn_start" && isApart(agent) ? turnMarks(event.time) : [])
    ]
    return told.length === 0 && tells.length === 0 ? undefined : { told, tells: isNow ? tells : [] }
  }
  const isPast = ({ time }: AgentEvent) => isNew && time < openedAt - LIVE_MS
  /** Why the turn failed whose end was not told yet. */
  let failed: string | undefined
  /** Of the prompts and failures among these, by their keys and those of their turns. */
  const twiceIn = (events: ReadonlyArray<AgentEvent>) => {
    const found = new Map<string, Unless>()
    for (const event of events) {
      const text = promptIn(event)
      const failure = isApart(agent) ? failureIn(event) : undefined
      if (text !== undefined) {
        const unless = twiceUnless("prompt", "file", text, event.time)
        for (const key of [event.key, `${event.key}:turn`]) found.set(key, unless)
      } else if (failure !== undefined) {
        failed = failure
        found.set(event.key, twiceUnless("error", "file", failure, event.time))
      } else if (event.kind === "turn_end") {
        if (failed !== undefined) found.set(event.key, twiceUnless("end", "file", failed, event.time))
        failed = undefined
      }
    }
    return found
  }

  /** Leaves out what the log has, before anything is made of it. */
  const unknown = (to: Journal, events: ReadonlyArray<Redacted>, marks: ReadonlyArray<string>) => {
    const found = log === undefined || isNew ? undefined : Either.getOrUndefined(to.known(log, marks))
    if (found === undefined) return events.map((event, n) => [event, marks[n]!] as const)
    known += found.filter((one) => one).length
    return events.flatMap((event, n) => (found[n] === true ? [] : [[event, marks[n]!] as const]))
  }

  const tell = (to: Journal, event: IndexEvent, what: string) => {
    backlog.put(() => to.append(to.index, [encodeIndex(event)]))
    if (log !== undefined) keepTold(to, log, what)
  }
  const keepTold = (to: Journal, of: LogId, what: string) => backlog.put(() => to.mark(of, [`told ${what}`]))

  return {
    session,
    add: (fresh) => {
      if (fresh.length === 0) return
      const events = fresh.map((event) => placed(git ? event : withoutBranch(event), calls))
      const safe = events.map((event) => safeOf(event, redactor))
      for (const { event } of safe) fold.add(event)
      if (journal === undefined) {
        for (const one of safe) added += entriesOf(one, redacted).plains.length
        return
      }
      if (!isBegun) begin(journal)
      const plains: Array<Plain> = []
      const marks: Array<string> = []
      const unless: Array<Unless | undefined> = []
      let bytes = 0
      const twice = twiceIn(events)
      for (const [one, mark] of unknown(journal, safe, events.map(markOf))) {
        const entries = entriesOf(one, redacted)
        plains.push(...entries.plains)
        const its = unlessOf(one.event, twice)
        entries.plains.forEach((_, n) => {
          marks.push(n === 0 ? mark : `${mark} ${n}`)
          unless.push(its)
        })
        bytes += entries.bytes
      }
      if (plains.length > 0) append(journal, plains, { marks, unless }, bytes)
    },
    learn: (more) => {
      // Where it began is where it is: a `cd` on its way is no other session.
      const { cwd = more.cwd, branch = more.branch } = about
      about = {
        ...about,
        ...more,
        ...(cwd === undefined ? {} : { cwd }),
        ...(branch === undefined ? {} : { branch }),
        ...(more.title === undefined ? {} : { title: redactor.text(more.title) })
      }
    },
    settle: (last) => {
      if (journal === undefined || told === undefined || log === undefined) return
      const now = wall()
      const state = stateOf(fold.view, journal, log, now)
      const title = titleOf()
      const grown = added > told.added
      const isOver = state === "ended" || state === "failed"
      // Whoever verifies a session that is over wants all of it under its writer's signature.
      if (added > signed && (last || isOver)) {
        signed = added
        const [journalTo, logTo] = [journal, log]
        backlog.put(() => Either.flatMap(renewed(logTo), (now) => journalTo.append(now, [], { signed: true })))
      }
      const { counts, figures, lastAt = now } = fold.view
      const to = log
      if (grown && (last || now - told.at >= CHECKPOINT_MS)) {
        const time = last ? lastAt : now
        tell(
          journal,
          { _tag: "index.checkpoint", log: to, time, state, title, events: counts.events, figures },
          `${state} ${lastAt}`
        )
        told = { state, title, added, at: now }
      } else if ((state !== told.state || title !== told.title) && (last || now - told.at >= STATE_MS)) {
        tell(journal, { _tag: "index.changed", log: to, time: now, state, title }, `${state} ${lastAt}`)
        told = { ...told, state, title }
      } else if (last && state === "ended") {
        // An earlier reading may have told that it runs.
        const mark = `told ${state} ${lastAt}`
        const isTold = Either.getOrElse(journal.known(to, [mark]), () => [true])[0]
        if (isTold !== true)
          tell(journal, { _tag: "index.changed", log: to, time: lastAt, state, title }, `${state} ${lastAt}`)
      }
    },
    written: () => ({ added, known, redacted, view: fold.view })
  }
}

/** Read from a file that the agent keeps, not from output that somebody saved. */
const isKept = ({ source: { format } }: AgentEvent) => format === "rollout" || format === "transcript"

const withoutBranch = (event: AgentEvent): AgentEvent => {
  if (event.kind !== "session_start") return event
  const { branch: _, ...data } = event.data
  return { ...event, data }
}

/** A subagent's events stand under the call that started it, also where another file of the session tells which. */
const placed = (event: AgentEvent, calls: Map<string, string>): AgentEvent => {
  if (event.kind === "agent_spawned") {
    const { call, subagent } = event.data
    if (call !== undefined && subagent !== undefined) calls.set(subagent, call)
    return event
  }
  const parent = event.subagent === undefined ? undefined : calls.get(event.subagent)
  // One that does not know its call stands under itself.
  const isOpen = event.parent === undefined || event.parent === event.subagent
  return !isOpen || parent === undefined ? event : { ...event, parent }
}

/** What makes an event news: anything but where it stood in its file, when that was read, and what lay beside it then. */
const markOf = (event: AgentEvent): string => {
  const { copiedFrom: _, group, key, kind, position: _at, time, timeFrom, ...rest } = event
  const content = { ...rest, time: timeFrom === "source" ? time : undefined }
  const body = JSON.stringify(content, (_name, value) =>
    // A blob is known by its digest.
    value instanceof Uint8Array ? value.byteLength : value
  )
  return `${group}.${kind} ${key} ${body}`
}
