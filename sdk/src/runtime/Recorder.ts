/**
 * The one pipeline from an agent's output to the outbox: bytes → lines → the agent's adapter → redaction → journal.
 * It also keeps the index told: that the session began, its title and state, its figures. `run`, `watch`, `import`,
 * hooks and the SDK all end here. It never throws into the agent's way and never waits for a network.
 */
import * as Either from "effect/Either"
import type { About, Adapter, Line, LineReader, Reading } from "../agents/Adapter.ts"
import { detect } from "../agents/index.ts"
import { makeLines } from "../agents/Lines.ts"
import { redact, redactText } from "../agents/Redaction.ts"
import type { AgentEvent } from "../domain/AgentEvent.ts"
import { type LogId, SessionId } from "../domain/Ids.ts"
import type { IndexEvent, Origin } from "../domain/IndexEvent.ts"
import { fit } from "../domain/Parts.ts"
import { encodeEvent, encodeHeader, encodeIndex, type Plain } from "../domain/Payload.ts"
import { makeSession, type Session, type SessionFold } from "../domain/Session.ts"
import type { Journal, JournalFailed } from "../journal/Journal.ts"
import { EVENT_BYTES } from "../protocol/Limits.ts"
import type { Timer, Timers } from "../sync/Link.ts"

/** How long, in lines, bytes and milliseconds, output may leave open whose it is. */
const UNDECIDED_LINES = 10
const UNDECIDED_BYTES = 64 * 1024
const UNDECIDED_MS = 2_000
/** How long, in bytes and milliseconds, events wait for the agent to tell its session (house §3). */
const UNNAMED_BYTES = 64 * 1024
const UNNAMED_MS = 2_000
/** A state shorter than this is not told to the index; figures at most this often. Milliseconds (house §3). */
const STATE_MS = 2_000
const CHECKPOINT_MS = 5 * 60_000
/** Bytes of events kept in memory while the journal cannot be written. */
const BACKLOG_BYTES = 64 * 1024 * 1024

export interface RecorderOptions {
  readonly journal: Journal
  /** A UUID of this run. */
  readonly run: string
  /** What is known of the session from outside. */
  readonly about: {
    readonly host?: string
    readonly cwd?: string
    readonly branch?: string
    readonly repository?: string
  }
  /** The command line that prints the output; where it holds the prompt, the prompt is recorded. */
  readonly command: ReadonlyArray<string>
  /** Whose output it is; told from its first lines where this is not given. */
  readonly adapter?: Adapter
  readonly timers: Timers
  /** Milliseconds since 1970. */
  readonly wall: () => number
  /** The journal cannot be written; events wait in memory and are tried again. Called once for each new reason. */
  readonly onTrouble: (failed: JournalFailed) => void
}

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
  readonly events: number
  /** Secrets found and replaced, by rule. */
  readonly redacted: ReadonlyMap<string, number>
  /** Events that could not be written down, and were given up because memory ran out. */
  readonly lost: number
  readonly view: Session
}

export interface Recorder {
  /** Output as it comes, cut anywhere. What it completes is durable on return, or waits as `onTrouble` tells. */
  readonly push: (bytes: Uint8Array) => void
  /** The output ended. Everything is durable on return, or counted in `recorded().lost`. */
  readonly end: (how: Ending) => void
  readonly recorded: () => Recorded
}

export const makeRecorder = (options: RecorderOptions): Recorder => {
  const { command, journal, run, timers, wall } = options
  const lines = makeLines()
  let ordinal = 0
  let undecided: Array<Line> = []
  let undecidedBytes = 0
  let adapter: Adapter | undefined
  let reader: LineReader | undefined
  let about: About = {}
  let log: LogId | undefined
  let session: string | undefined
  let unnamedBytes = 0
  let fold: SessionFold = makeSession()
  let events = 0
  let lost = 0
  const redacted = new Map<string, number>()
  const clocks = new Set<Timer>()

  // Writing down -----------------------------------------------------------------------------------------------------

  /** Journal writes in order. One that fails stays first and is tried again before the next. */
  const backlog: Array<{
    readonly write: () => Either.Either<unknown, JournalFailed>
    readonly bytes: number
    readonly count: number
  }> = []
  let backlogBytes = 0
  let troubled: JournalFailed["reason"] | undefined

  const flush = () => {
    while (backlog.length > 0) {
      const { bytes, write } = backlog[0]!
      const done = write()
      if (Either.isLeft(done)) {
        if (troubled !== done.left.reason) options.onTrouble(done.left)
        troubled = done.left.reason
        return
      }
      troubled = undefined
      backlogBytes -= bytes
      backlog.shift()
    }
  }
  const put = (write: () => Either.Either<unknown, JournalFailed>, bytes = 0, count = 0) => {
    if (backlogBytes + bytes > BACKLOG_BYTES) {
      lost += count
      return
    }
    backlog.push({ write, bytes, count })
    backlogBytes += bytes
    flush()
  }
  const tellIndex = (event: IndexEvent) => put(() => journal.append(journal.index, [encodeIndex(event)]))

  const store = (plains: ReadonlyArray<Plain>) => {
    if (plains.length === 0) return
    let bytes = 0
    for (const plain of plains) bytes += plain.payload.byteLength
    put(() => (log === undefined ? journal.pend(run, plains) : journal.append(log, plains)), bytes, plains.length)
    if (session !== undefined) return
    unnamedBytes += bytes
    if (unnamedBytes > UNNAMED_BYTES) beginUnnamed()
  }

  // The session ------------------------------------------------------------------------------------------------------

  const runSession = `run:${run}`
  let startedUnnamed = false

  /** Opens the log of a session, introduces it, and moves what waited for it there. */
  const begin = (id: string) => {
    session = id
    log = undefined
    const name = `${adapter?.agent ?? "text"}:${id}`
    // The log is known only when the journal could be written; until then everything waits behind this.
    put(() => {
      const opened = journal.openLog(name)
      if (Either.isLeft(opened)) return opened
      log = opened.right.id
      const origin = originOf(id)
      const time = wall()
      const told =
        opened.right.last === 0
          ? journal.append(journal.index, [
              encodeIndex({ _tag: "index.started", log: opened.right.id, key: opened.right.key, time, ...origin })
            ])
          : journal.append(journal.index, [
              encodeIndex({ _tag: "index.changed", log: opened.right.id, time, state: "running", title: origin.title })
            ])
      if (Either.isLeft(told)) return told
      if (opened.right.last === 0) {
        const { id: writer, signer } = journal.writer
        const header = encodeHeader({ _tag: "log.header", time, ...origin, writers: [{ writer, signer }] })
        const begun = journal.append(opened.right.id, [header])
        if (Either.isLeft(begun)) return begun
      }
      return journal.settle(run, opened.right.id)
    })
    toldState = "running"
    toldTitle = titleNow()
    checkpointAt = wall()
  }

  const beginUnnamed = () => {
    if (session !== undefined) return
    startedUnnamed = true
    begin(runSession)
  }

  const named = (id: string) => {
    if (session === id) return
    const known = log
    if (startedUnnamed && session === runSession) {
      // The agent told its id late: the same log answers to it from now on.
      session = id
      const alias = SessionId.make(id.slice(0, 200))
      put(() => (known === undefined ? Either.right(undefined) : journal.alias(known, `${adapter?.agent}:${id}`)))
      if (known !== undefined) {
        tellIndex({ _tag: "index.changed", log: known, time: wall(), state: fold.view.state, title: titleNow(), alias })
      }
      return
    }
    if (session !== undefined) {
      // One process, another session: what comes now belongs to that one.
      checkpoint()
      fold = makeSession()
    }
    begin(id)
  }

  const originOf = (id: string): Origin => ({
    session: SessionId.make(id.slice(0, 200)),
    agent: adapter?.agent ?? "text",
    agentName: agentName(),
    title: titleNow(),
    cwd: about.cwd ?? options.about.cwd,
    host: options.about.host,
    branch: about.branch ?? options.about.branch,
    repository: about.repository ?? options.about.repository
  })

  /** A generic adapter's agent is called by its command. */
  const generic = () => adapter?.agent === "text" || adapter?.agent === "jsonl"
  const agentName = () =>
    about.agentName ?? (generic() ? (command[0]?.split("/").at(-1) ?? adapter?.agentName) : adapter?.agentName)
  const titleNow = () =>
    about.title ?? fold.view.title ?? (prompt === undefined ? undefined : oneLine(redactText(prompt)))

  // The index --------------------------------------------------------------------------------------------------------

  let toldState: Session["state"] | undefined
  let toldTitle: string | undefined
  let checkpointAt = 0
  let stateTimer: Timer | undefined

  const after = (ms: number, act: () => void): Timer => {
    const timer = timers.after(ms, () => {
      clocks.delete(timer)
      act()
    })
    clocks.add(timer)
    return timer
  }

  const upkeep = () => {
    if (log === undefined) return
    if (wall() - checkpointAt >= CHECKPOINT_MS) return checkpoint()
    if (stateTimer !== undefined || !differs()) return
    stateTimer = after(STATE_MS, () => {
      stateTimer = undefined
      if (log === undefined || !differs()) return
      toldState = fold.view.state
      toldTitle = titleNow()
      tellIndex({ _tag: "index.changed", log, time: wall(), state: fold.view.state, title: titleNow() })
    })
  }
  const differs = () => fold.view.state !== toldState || titleNow() !== toldTitle

  const checkpoint = () => {
    if (log === undefined) return
    const { figures, state } = fold.view
    toldState = state
    toldTitle = titleNow()
    checkpointAt = wall()
    tellIndex({ _tag: "index.checkpoint", log, time: wall(), state, title: titleNow(), events, figures })
  }

  // Reading ----------------------------------------------------------------------------------------------------------

  let prompt: string | undefined

  const decide = (by: Adapter) => {
    adapter = by
    reader = by.open(run)
    prompt = by.promptOf?.(command)
    if (generic()) {
      const data = { agentName: agentName(), ...known(options.about) }
      const time = undecided[0]?.at ?? wall()
      record([{ ...ours(`${run}:start`), time, group: "audit", kind: "session_start", data }])
      beginUnnamed()
    } else after(UNNAMED_MS, beginUnnamed)
    const waiting = undecided
    undecided = []
    consume(waiting)
  }

  const consider = (last: boolean) => {
    if (undecided.length === 0 && !last) return
    if (options.adapter !== undefined) return decide(options.adapter)
    const found = detect(undecided.map(({ text }) => text))
    const sure = found.agent !== "text" && found.agent !== "jsonl"
    const enough =
      last ||
      undecided.length >= UNDECIDED_LINES ||
      undecidedBytes >= UNDECIDED_BYTES ||
      (found.agent === "jsonl" && undecided.length > 2)
    if (sure || enough) decide(found)
  }

  const take = (texts: ReadonlyArray<string>) => {
    const at = wall()
    const fresh = texts.map((text): Line => ({ text, ordinal: ordinal++, at }))
    if (reader !== undefined) return consume(fresh)
    if (undecided.length === 0 && fresh.length > 0) {
      after(UNDECIDED_MS, () => {
        if (reader === undefined) consider(true)
      })
    }
    undecided.push(...fresh)
    for (const { text } of fresh) undecidedBytes += text.length
    consider(false)
  }

  const consume = (fresh: ReadonlyArray<Line>) => {
    let batch: Array<AgentEvent> = []
    for (const line of fresh) {
      const reading = reader!.read(line)
      if (reading.about?.session !== undefined && reading.about.session !== session) {
        // What came before the id belongs to the session before it.
        record(batch)
        batch = []
      }
      learn(reading)
      batch.push(...reading.events)
    }
    record(batch)
  }

  const learn = ({ about: told }: Reading) => {
    if (told === undefined) return
    about = { ...about, ...told, ...(told.title === undefined ? {} : { title: redactText(told.title) }) }
    if (told.session !== undefined) named(told.session)
  }

  const record = (batch: ReadonlyArray<AgentEvent>) => {
    const plains: Array<Plain> = []
    for (const event of withContext(batch)) {
      const safe = redact(event)
      for (const rule of safe.found) redacted.set(rule, (redacted.get(rule) ?? 0) + 1)
      for (const part of fit(safe.event, EVENT_BYTES)) {
        fold.add(part)
        plains.push(encodeEvent(part))
      }
    }
    events += plains.length
    store(plains)
    upkeep()
  }

  /** Adds what only we know: where it runs, and the prompt that stood on the command line. */
  const withContext = function* (batch: ReadonlyArray<AgentEvent>): Iterable<AgentEvent> {
    for (const event of batch) {
      if (event.kind !== "session_start") {
        yield event
        continue
      }
      yield { ...event, data: { ...known(options.about), ...event.data } }
      if (prompt !== undefined && !prompted) {
        prompted = true
        const data = { role: "user", parts: [{ type: "text", text: prompt }] } as const
        yield { ...ours(`${run}:prompt`), group: "chat", kind: "message", data }
        yield { ...ours(`${run}:prompt:turn`), group: "audit", kind: "turn_start", data: {} }
      }
    }
  }
  let prompted = false

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
      beginUnnamed()
      record([{ ...ours(`${session}:end:${run}`), group: "audit", kind: "session_end", data: how }])
      for (const clock of clocks) clock.cancel()
      checkpoint()
      flush()
      for (const { count } of backlog.splice(0)) lost += count
    },
    recorded: () => ({ session, agent: adapter?.agent, events, redacted, lost, view: fold.view })
  }
}

const oneLine = (text: string) => {
  const line = text.trim().split("\n", 1)[0]!.trim()
  return line.length > 100 ? `${line.slice(0, 99)}…` : line
}

/** Without the fields that nobody told, so they do not hide what the agent says. */
const known = (about: RecorderOptions["about"]) =>
  Object.fromEntries(Object.entries(about).filter(([name, value]) => value !== undefined && name !== "repository"))
