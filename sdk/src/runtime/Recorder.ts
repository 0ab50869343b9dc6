/**
 * The one pipeline from an agent's output to the outbox: bytes → lines → the agent's adapter → redaction → journal.
 * In which log that is and what the index is told of it is `RunSessions`. `run`, hooks and the SDK all end here; it never
 * throws into the agent's way and never waits for a network.
 */
import type { Adapter, Line, LineReader, Reading } from "../agents/Adapter.ts"
import { makeLines } from "../agents/Lines.ts"
import { makeRedactor, type RedactionOptions } from "../agents/Redaction.ts"
import type { AgentEvent } from "../domain/AgentEvent.ts"
import type { LogId } from "../domain/Ids.ts"
import type { Plain } from "../domain/Payload.ts"
import type { Session } from "../domain/Session.ts"
import type { Journal, JournalFailed, Unless } from "../journal/Journal.ts"
import { markKeyOf } from "../journal/markKey.ts"
import type { Timer, Timers } from "../sync/Link.ts"
import { adoptLeft } from "./adoptLeft.ts"
import { makeBacklog } from "./Backlog.ts"
import { entriesOf, safeOf } from "./entries.ts"
import { makePrompted } from "./Prompted.ts"
import { makeRunSessions } from "./RunSessions.ts"
import { makeUndecided } from "./Undecided.ts"

/** How long, in milliseconds, output may leave open whose it is. */
const UNDECIDED_MS = 500
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

/** For one run. Its session begins with the first event. */
export const makeRecorder = (options: RecorderOptions): Recorder => {
  const { command, journal, run, timers, wall } = options
  const backlog = makeBacklog({ timers, onTrouble: options.onTrouble })
  const lines = makeLines()
  const redactor = makeRedactor({ ...options.redaction, ...markKeyOf(journal) })
  const redacted = new Map<string, number>()
  /** Milliseconds since 1970: the agent's process is no older. */
  const began = wall()
  const undecidedName = `${run} undecided`
  const undecided = makeUndecided(run, options.adapter)
  const prompted = makePrompted({
    asked: `${run}:prompt`,
    askedTurn: `${run}:prompt:turn`,
    agent: () => adapter?.agent,
    wall,
    began
  })
  let ordinal = 0
  let adapter: Adapter | undefined
  let reader: LineReader | undefined
  /** The prompt on the command line, until it is recorded. */
  let prompt: string | undefined
  /** Until it is decided whose the output is. */
  let undecidedTimer: Timer | undefined

  adoptLeft(journal, wall())

  /** A generic adapter's agent is called by its command. */
  const generic = () => adapter?.agent === "text" || adapter?.agent === "jsonl"
  const agentName = () => (generic() ? (command[0]?.split("/").at(-1) ?? adapter?.agentName) : adapter?.agentName)

  const sessions = makeRunSessions({
    journal,
    backlog,
    run,
    partial: options.partial === true,
    timers,
    wall,
    began,
    outside: () => ({ agent: adapter?.agent ?? "text", agentName: agentName(), ...options.about }),
    title: () => (prompt === undefined ? undefined : oneLine(redactor.text(prompt)))
  })

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
      sessions.beginUnnamed()
    } else sessions.awaitName()
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
      undecidedTimer = timers.after(UNDECIDED_MS, () => {
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
      if (session !== undefined && sessions.isAnother(session)) {
        // What came before the id belongs to the session before it.
        record(batch)
        batch = []
      }
      learn(reading)
      batch.push(...reading.events)
    }
    record(batch, insteadOf)
  }

  const learn = ({ about }: Reading) => {
    if (about === undefined) return
    sessions.learn(about.title === undefined ? about : { ...about, title: redactor.text(about.title) })
  }

  // Recording --------------------------------------------------------------------------------------------------------

  const record = (batch: ReadonlyArray<AgentEvent>, insteadOf?: string) => {
    const plains: Array<Plain> = []
    const events: Array<AgentEvent> = []
    const unless: Array<Unless | undefined> = []
    let bytes = 0
    for (const event of withContext(batch)) {
      const its = prompted.unlessOf(event)
      const entries = entriesOf(safeOf(event, redactor), redacted)
      events.push(...entries.events)
      plains.push(...entries.plains)
      unless.push(...entries.plains.map(() => its))
      bytes += entries.bytes
    }
    if (plains.length === 0 && insteadOf === undefined) return
    sessions.add({ events, plains, unless, bytes }, insteadOf)
    options.onEvents?.(events)
  }

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
        sessions.beginUnnamed()
        record([{ ...ours(`${sessions.name()}:end:${run}`), group: "audit", kind: "session_end", data: how }])
      }
      undecidedTimer?.cancel()
      sessions.end(how !== undefined)
      backlog.end()
    },
    moveOn: sessions.moveOn,
    recorded: () => ({
      ...sessions.recorded(),
      agent: adapter?.agent,
      redacted,
      lost: backlog.lost(),
      waiting: backlog.waiting()
    })
  }
}

const oneLine = (text: string) => {
  const line = text.trim().split("\n", 1)[0]!.trim()
  return line.length > 100 ? `${line.slice(0, 99)}…` : line
}

/** Without the fields that nobody told, so they do not hide what the agent says. */
const known = (about: RecorderOptions["about"]) =>
  Object.fromEntries(Object.entries(about).filter(([name, value]) => value !== undefined && name !== "repository"))
