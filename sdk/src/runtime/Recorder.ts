/**
 * The one pipeline from an agent's output to the outbox: bytes → lines → the agent's adapter → redaction → journal.
 * It also keeps the index told: that the session began, its title and state, its figures. `run`, `watch`, `import`,
 * hooks and the SDK all end here. It never throws into the agent's way and never waits for a network.
 */
import * as Either from "effect/Either"
import type { About, Adapter, Line, LineReader, Reading } from "../agents/Adapter.ts"
import { makeLines } from "../agents/Lines.ts"
import { makeRedactor, type RedactionOptions } from "../agents/Redaction.ts"
import type { AgentEvent } from "../domain/AgentEvent.ts"
import type { LogId } from "../domain/Ids.ts"
import type { IndexEvent, Origin } from "../domain/IndexEvent.ts"
import { encodeIndex, type Plain } from "../domain/Payload.ts"
import { makeSession, type Session, type SessionFold } from "../domain/Session.ts"
import type { AppendOptions, Journal, JournalFailed, Unless } from "../journal/Journal.ts"
import { markKeyOf } from "../journal/markKey.ts"
import type { Timer, Timers } from "../sync/Link.ts"
import { adoptLeft } from "./adoptLeft.ts"
import { makeBacklog } from "./Backlog.ts"
import { elsewhereMarks } from "./elsewhere.ts"
import { entriesOf, headerOf, isApart, PRINTED_MS, printedMarks, safeOf, sessionIdOf, titleStays } from "./entries.ts"
import { makePrompted } from "./Prompted.ts"
import { makeUndecided } from "./Undecided.ts"

/** How long, in milliseconds, output may leave open whose it is. */
const UNDECIDED_MS = 500
/** How long, in bytes and milliseconds, events wait for the agent to tell its session (house §3). */
const UNNAMED_BYTES = 64 * 1024
const UNNAMED_MS = 2_000
/** A state shorter than this is not told to the index; figures at most this often. Milliseconds (house §3). */
const STATE_MS = 2_000
const CHECKPOINT_MS = 5 * 60_000
/** Entries of a log at most that its writer has not signed yet, while the session goes on. */
const UNSIGNED_ENTRIES = 500
/** New logs that one run makes at most because the hub takes the old one no more: a hub that refuses all must not be fed. */
const RENEWALS = 3
/** Someone is waited for: told sooner, but not where a program answers by itself. Milliseconds. */
const WAITING_MS = 500

/** One run of an agent, and where it is recorded. */
export interface RecorderOptions {
  readonly journal: Journal
  /** A UUID of this run. */
  readonly run: string
  /** What is known of the session from outside. */
  readonly about: {
    readonly host?: string
    readonly cwd?: string
    readonly branch?: string
    readonly commit?: string
    readonly repository?: string
  }
  /** The command line that prints the output; where it holds the prompt, the prompt is recorded. */
  readonly command: ReadonlyArray<string>
  /** Whose output it is; told from its first lines where this is not given. */
  readonly adapter?: Adapter
  /** What comes here is not all of the session, as with hooks: its figures are not told, and a session that goes on is not new. */
  readonly partial?: boolean
  /** The person's own rules for secrets. */
  readonly redaction?: Omit<RedactionOptions, "key">
  readonly timers: Timers
  /** Milliseconds since 1970. */
  readonly wall: () => number
  /** Events as they are recorded, redacted, each once. */
  readonly onEvents?: (events: ReadonlyArray<AgentEvent>) => void
  /** The journal cannot be written; events wait in memory and are tried again. Called once for each new reason. */
  readonly onTrouble: (failed: JournalFailed) => void
}

/** How a run ended. */
export interface Ending {
  readonly ok: boolean
  /** `exit`, `signal`, `eof`. */
  readonly reason: string
  readonly exitCode?: number
  readonly signal?: string
}

/** What was recorded so far. */
export interface Recorded {
  /** The session's id, once it has one. */
  readonly session: string | undefined
  readonly agent: string | undefined
  /** The logs of the sessions that were recorded, where it goes on now. */
  readonly logs: ReadonlyArray<LogId>
  readonly events: number
  /** Secrets found and replaced, by rule. */
  readonly redacted: ReadonlyMap<string, number>
  /** Events that could not be written down, and were given up because memory ran out. */
  readonly lost: number
  /** Writes that wait in memory because the journal cannot be written; 0 where all that was pushed is durable. */
  readonly waiting: number
  readonly view: Session
}

/** Takes an agent's output and writes down what it says. Nothing of it throws or waits for a hub. */
export interface Recorder {
  /** Output as it comes, cut anywhere. What it completes is durable on return, or waits as `onTrouble` tells. */
  readonly push: (bytes: Uint8Array) => void
  /**
   * The output ended; without `how`, only the recording of it, and the session goes on. Everything is durable on return, or
   * counted in `recorded().lost`.
   */
  readonly end: (how?: Ending) => void
  /**
   * Where the hub has refused the session's log since it was written last: moves what the hub does not have of it to a new
   * log, and answers true. While output comes this is done by itself.
   */
  readonly moveOn: () => boolean
  /** What there is by now; also after the end. */
  readonly recorded: () => Recorded
}

/** A session of the run, from its first event on; it has a name and a log as soon as they are known. */
interface Home {
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

/** For one run. Its session begins with the first event. */
export const makeRecorder = (options: RecorderOptions): Recorder => {
  const { command, journal, run, timers, wall } = options
  const backlog = makeBacklog({ timers, onTrouble: options.onTrouble })
  const lines = makeLines()
  const redactor = makeRedactor({ ...options.redaction, ...markKeyOf(journal) })
  const redacted = new Map<string, number>()
  const clocks = new Set<Timer>()
  const runName = `run:${run}`
  /** Milliseconds since 1970: the agent's process is no older. */
  const began = wall()
  const undecidedName = `${run} undecided`
  const isUntitled = titleStays(journal)
  const undecided = makeUndecided(run, options.adapter)
  const prompted = makePrompted({
    asked: `${run}:prompt`,
    askedTurn: `${run}:prompt:turn`,
    agent: () => adapter?.agent,
    wall,
    began
  })
  let ordinal = 0
  let total = 0
  let adapter: Adapter | undefined
  let reader: LineReader | undefined
  /** The prompt on the command line, until it is recorded. */
  let prompt: string | undefined
  let stateTimer: Timer | undefined
  let stateDue = 0
  let home = newHome()
  const homes = [home]
  let renewals = 0

  const after = (ms: number, act: () => void): Timer => {
    const timer = timers.after(ms, () => {
      clocks.delete(timer)
      act()
    })
    clocks.add(timer)
    return timer
  }

  adoptLeft(journal, wall())

  // The session ------------------------------------------------------------------------------------------------------

  /** Opens the log of a session, introduces it, and moves what waited for it there. */
  const begin = (of: Home, name: string) => {
    of.name = name
    const title = titleOf(of)
    of.told = { state: "running", title, at: wall() }
    backlog.put(() =>
      Either.gen(function* () {
        const { id, key, last } = yield* journal.openLog(`${adapter?.agent ?? "text"}:${name}`)
        const origin = originOf(of, name)
        const time = wall()
        const goesOn = last > 0 && options.partial === true
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
        if (options.partial !== true) yield* journal.hold(of.log, run)
      })
    )
    if (adapter !== undefined && isApart(adapter.agent)) beat(of, began)
  }

  /** As long as we record it, whoever follows the agent's own file need not. */
  const beat = (of: Home, since: number) => {
    if (of !== home) return
    const now = wall()
    const marks = printedMarks(now, since)
    backlog.put(() => (of.log === undefined ? Either.right(undefined) : journal.mark(of.log, marks)))
    after(PRINTED_MS / 2, () => beat(of, now))
  }

  /** Goes on in a new log where the hub takes the old one no more; answers whether it does. */
  const renewed = (of: Home): Either.Either<boolean, JournalFailed> => {
    const { log, name } = of
    if (log === undefined || name === undefined || renewals >= RENEWALS) return Either.right(false)
    const origin = originOf(of, name)
    const time = wall()
    const made = journal.renew(`${adapter?.agent ?? "text"}:${name}`, log, ({ id, key }, acked) => ({
      index: [
        encodeIndex({ _tag: "index.changed", log, time, state: "ended", title: origin.title }),
        encodeIndex({ _tag: "index.started", log: id, key, time, ...origin }),
        encodeIndex({ ...checkpointOf(of), log: id })
      ],
      // Where the hub had nothing of it, the old header comes along.
      first: acked === 0 ? [] : [headerOf(journal, origin, time)]
    }))
    return Either.flatMap(made, (fresh) => {
      if (fresh === undefined) return Either.right(false)
      of.log = fresh
      renewals++
      return Either.map(options.partial === true ? Either.right(undefined) : journal.hold(fresh, run), () => true)
    })
  }

  const beginUnnamed = () => {
    if (home.name !== undefined) return
    home.unnamed = true
    begin(home, runName)
  }

  const named = (name: string) => {
    if (home.name === name) return
    if (home.unnamed && home.name === runName) {
      // The agent told its id late: the same log answers to it from now on.
      const late = home
      late.name = name
      backlog.put(() =>
        late.log === undefined ? Either.right(undefined) : journal.alias(late.log, `${adapter?.agent}:${name}`)
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
    if (home.name !== undefined) {
      // One process, another session: what comes now belongs to that one.
      checkpoint()
      home = newHome()
      homes.push(home)
    }
    begin(home, name)
  }

  const originOf = ({ about, ...of }: Home, name: string): Origin => ({
    session: sessionIdOf(name),
    agent: adapter?.agent ?? "text",
    agentName: about.agentName ?? agentName(),
    title: titleOf({ about, ...of }),
    cwd: about.cwd ?? options.about.cwd,
    host: options.about.host,
    branch: about.branch ?? options.about.branch,
    commit: options.about.commit,
    repository: about.repository ?? options.about.repository
  })

  /** A generic adapter's agent is called by its command. */
  const generic = () => adapter?.agent === "text" || adapter?.agent === "jsonl"
  const agentName = () => (generic() ? (command[0]?.split("/").at(-1) ?? adapter?.agentName) : adapter?.agentName)
  const titleOf = ({ about, fold }: Pick<Home, "about" | "fold">) =>
    isUntitled
      ? undefined
      : (about.title ?? fold.view.title ?? (prompt === undefined ? undefined : oneLine(redactor.text(prompt))))

  // The index --------------------------------------------------------------------------------------------------------

  const tellIndex = (of: Home, event: (log: LogId) => IndexEvent, how?: AppendOptions) =>
    backlog.put(() =>
      of.log === undefined ? Either.right(undefined) : journal.append(journal.index, [encodeIndex(event(of.log))], how)
    )

  const upkeep = () => {
    if (home.told === undefined) return
    if (wall() - home.told.at >= CHECKPOINT_MS) return checkpoint()
    if (!differs(home)) return
    const ms = home.fold.view.state === "waiting" ? WAITING_MS : STATE_MS
    const due = timers.now() + ms
    if (stateTimer !== undefined && stateDue <= due) return
    stateTimer?.cancel()
    stateDue = due
    stateTimer = after(ms, () => {
      stateTimer = undefined
      const now = home
      if (now.told === undefined || !differs(now)) return
      const { state } = now.fold.view
      const title = titleOf(now)
      now.told = { ...now.told, state, title }
      tellIndex(now, (log) => ({ _tag: "index.changed", log, time: wall(), state, title }))
    })
  }
  const differs = (of: Home) => of.fold.view.state !== of.told?.state || titleOf(of) !== of.told?.title

  const checkpoint = (how?: AppendOptions) => {
    const now = home
    const { state } = now.fold.view
    const title = titleOf(now)
    now.told = { state, title, at: wall() }
    const told =
      options.partial === true ? ({ _tag: "index.changed", time: wall(), state, title } as const) : checkpointOf(now)
    tellIndex(now, (log) => ({ ...told, log }), how)
  }
  const checkpointOf = (of: Home) => {
    const { figures, state } = of.fold.view
    return { _tag: "index.checkpoint", time: wall(), state, title: titleOf(of), events: of.events, figures } as const
  }

  // Reading ----------------------------------------------------------------------------------------------------------

  const decide = (by: Adapter) => {
    const waiting = undecided.take()
    adapter = by
    reader = by.open(run)
    prompt = by.promptOf?.(command)
    if (generic()) {
      const data = { agentName: agentName(), ...known(options.about) }
      const time = waiting[0]?.at ?? wall()
      record([{ ...ours(`${run}:start`), time, group: "audit", kind: "session_start", data }])
      beginUnnamed()
    } else after(UNNAMED_MS, beginUnnamed)
    consume(waiting, undecided.isKept() ? undecidedName : undefined)
  }

  const keepUndecided = (fresh: ReadonlyArray<Line>) => {
    const plains = undecided.asText(fresh).flatMap((event) => entriesOf(safeOf(event, redactor), new Map()).plains)
    backlog.put(() => journal.pend(undecidedName, plains))
  }

  const consider = (last: boolean) => {
    const by = undecided.whose(last)
    if (by !== undefined) decide(by)
  }

  const take = (texts: ReadonlyArray<string>) => {
    const at = wall()
    const fresh = texts.map((text): Line => ({ text, ordinal: ordinal++, at }))
    if (reader !== undefined) return consume(fresh)
    if (undecided.isEmpty() && fresh.length > 0) {
      after(UNDECIDED_MS, () => {
        if (reader === undefined) consider(true)
      })
    }
    undecided.add(fresh)
    consider(false)
    if (reader === undefined) keepUndecided(fresh)
  }

  /** What `insteadOf` kept of these lines is forgotten with the write that records them. */
  const consume = (fresh: ReadonlyArray<Line>, insteadOf?: string) => {
    let batch: Array<AgentEvent> = []
    for (const line of fresh) {
      const reading = reader!.read(line)
      const session = reading.about?.session
      if (session !== undefined && session !== home.name && home.name !== undefined && home.name !== runName) {
        // What came before the id belongs to the session before it.
        record(batch)
        batch = []
      }
      learn(reading)
      batch.push(...reading.events)
    }
    record(batch, insteadOf)
  }

  const learn = ({ about: told }: Reading) => {
    if (told === undefined) return
    if (told.session !== undefined && home.name !== undefined && home.name !== runName) named(told.session)
    home.about = {
      ...home.about,
      ...told,
      ...(told.title === undefined ? {} : { title: redactor.text(told.title) })
    }
    if (told.session !== undefined) named(told.session)
  }

  // Recording --------------------------------------------------------------------------------------------------------

  const record = (batch: ReadonlyArray<AgentEvent>, insteadOf?: string) => {
    const of = home
    const plains: Array<Plain> = []
    const events: Array<AgentEvent> = []
    const unless: Array<Unless | undefined> = []
    let bytes = 0
    for (const event of withContext(batch)) {
      const its = prompted.unlessOf(event)
      const entries = entriesOf(safeOf(event, redactor), redacted)
      for (const part of entries.events) of.fold.add(part)
      events.push(...entries.events)
      plains.push(...entries.plains)
      unless.push(...entries.plains.map(() => its))
      bytes += entries.bytes
    }
    if (plains.length === 0 && insteadOf === undefined) return
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
    if (isOver(of)) sign(of)
    upkeep()
    options.onEvents?.(events)
  }

  const append = (of: Home, plains: ReadonlyArray<Plain>, how: AppendOptions) => {
    of.unsigned += plains.length
    const signed = of.unsigned >= UNSIGNED_ENTRIES
    if (signed) of.unsigned = 0
    return Either.map(journal.append(of.log!, plains, { ...how, signed }), (written) => {
      const leftOut = plains.length + Number(signed) - written.length
      of.events -= leftOut
      total -= leftOut
    })
  }

  const isOver = ({ fold }: Home) => fold.view.state === "ended" || fold.view.state === "failed"

  /** The log of a session that is over ends in its writer's signature, whoever told that it is. */
  const sign = (of: Home) =>
    backlog.put(() =>
      of.log === undefined
        ? Either.right(undefined)
        : Either.flatMap(renewed(of), () => journal.append(of.log!, [], { signed: true }))
    )

  /** Adds what only we know: where it runs, and the prompt that stood on the command line. */
  const withContext = function* (batch: ReadonlyArray<AgentEvent>): Iterable<AgentEvent> {
    for (const event of batch) {
      if (event.kind !== "session_start") {
        yield event
        continue
      }
      yield { ...event, data: { ...known(options.about), ...event.data } }
      if (prompt === undefined) continue
      const data = { role: "user", parts: [{ type: "text", text: prompt }] } as const
      prompt = undefined
      yield { ...ours(`${run}:prompt`), group: "chat", kind: "message", data }
      yield { ...ours(`${run}:prompt:turn`), group: "audit", kind: "turn_start", data: {} }
    }
  }

  /** What an event of our own carries beside its data. */
  const ours = (key: string) =>
    ({
      key,
      time: wall(),
      timeFrom: "arrival",
      source: { agent: adapter?.agent ?? "text", format: "run" },
      position: ordinal
    }) as const

  return {
    push: (bytes) => take(lines.push(bytes)),
    end: (how) => {
      take(lines.end())
      if (reader === undefined) consider(true)
      const rest = reader!.end(wall())
      learn(rest)
      record(rest.events)
      if (how !== undefined) {
        beginUnnamed()
        record([{ ...ours(`${home.name}:end:${run}`), group: "audit", kind: "session_end", data: how }])
      }
      for (const clock of clocks) clock.cancel()
      if (how !== undefined || home.told !== undefined) checkpoint({ releases: run })
      backlog.end()
    },
    moveOn: () => Either.getOrElse(renewed(home), () => false),
    recorded: () => ({
      session: home.name,
      agent: adapter?.agent,
      logs: homes.flatMap(({ log }) => (log === undefined ? [] : [log])),
      events: total,
      redacted,
      lost: backlog.lost(),
      waiting: backlog.waiting(),
      view: home.fold.view
    })
  }
}

const newHome = (): Home => ({
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

const oneLine = (text: string) => {
  const line = text.trim().split("\n", 1)[0]!.trim()
  return line.length > 100 ? `${line.slice(0, 99)}…` : line
}

/** Without the fields that nobody told, so they do not hide what the agent says. */
const known = (about: RecorderOptions["about"]) =>
  Object.fromEntries(Object.entries(about).filter(([name, value]) => value !== undefined && name !== "repository"))
