/**
 * A session folded from its events: who, where, in what state, what it costs. The recorder tells the index from it,
 * `tail` and the viewer draw it. Events may come late, twice, out of time order, and from several sources or writers:
 * the same key is an update, and the better source wins.
 */
import type { AgentEvent, EventOf } from "./AgentEvent.ts"
import type { Figures } from "./AuditEvent.ts"
import { asksPeople, requestOf } from "./Call.ts"
import type { State } from "./IndexEvent.ts"
import { makeSpending } from "./Spending.ts"

/** A tool call that has not ended. */
export interface OpenCall {
  readonly name: string
  readonly input: unknown
  /** Milliseconds since 1970. */
  readonly since: number
  /** The call it runs under, for a subagent's. */
  readonly parent: string | undefined
}

/** What a session needs of a person. */
export interface WaitingFor {
  /** What a person reads: `to run git push`, or the question. */
  readonly what: string
  readonly since: number
  readonly call: string | undefined
}

/** How much there is of a session. */
export interface Counts {
  readonly events: number
  readonly messages: number
  readonly tools: number
  /** Tool calls that failed. */
  readonly failed: number
  readonly files: number
}

/** A session as it stands. What no source told is undefined. */
export interface Session {
  readonly agent: string | undefined
  readonly agentName: string | undefined
  readonly version: string | undefined
  /** The agent's own title, else the first line of the first prompt, at most 100 characters. */
  readonly title: string | undefined
  readonly model: string | undefined
  readonly cwd: string | undefined
  readonly branch: string | undefined
  readonly host: string | undefined
  readonly state: State
  readonly waitingFor: WaitingFor | undefined
  /** Milliseconds since 1970, by the agent's clock. */
  readonly startedAt: number | undefined
  readonly lastAt: number | undefined
  readonly endedAt: number | undefined
  readonly turns: number
  readonly figures: Figures
  /** Of the turn that is open, or ended last. */
  readonly turnFigures: Figures
  readonly counts: Counts
  readonly openCalls: ReadonlyMap<string, OpenCall>
}

/** Takes a session's events, answers how it stands. */
export interface SessionFold {
  /**
   * `kept`: this event changes nothing, a better source or an equal event was there before. `writer` is the hex of
   * the writer's id: a better source counts also across writers, an equal one only within the same.
   */
  readonly add: (event: AgentEvent, writer?: string) => "new" | "updated" | "kept"
  /** The same object until an event changes something. */
  readonly view: Session
}

const TITLE_CHARACTERS = 100

/**
 * Milliseconds that a source may be behind another and still be believed about the session's state. Two that are
 * read side by side differ by less; what is later was true once, and is not any more.
 */
const LATE_MS = 2_000

/** The better source of one key: the agent's own file over what it printed over what its hooks said. */
const rankOf = (format: string) =>
  format === "transcript" || format === "rollout" ? 2 : format === "hook" || format === "remark" ? 0 : 1

type Identity = Partial<Pick<Session, "agentName" | "version" | "model" | "cwd" | "branch" | "host">>

/** An empty one. */
export const makeSession = (): SessionFold => {
  const seen = new Map<string, { rank: number; writer: string | undefined }>()
  const openCalls = new Map<string, OpenCall>()
  const questions = new Map<string, WaitingFor>()
  /** Whether each finished call went well. */
  const results = new Map<string, boolean>()
  const spending = makeSpending()
  const files = new Set<string>()
  let agent: string | undefined
  let identity: Identity = {}
  let title: { readonly text: string; readonly rank: "agent" | "prompt"; readonly time: number } | undefined
  let state: Exclude<State, "waiting"> = "running"
  /** The best source so far. */
  let best = 0
  /** What moved the state last. */
  let mover: { readonly format: string; readonly time: number } | undefined
  let messages = 0
  let tools = 0
  let failed = 0
  /** Turns that began, as hooks tell and as better sources do: the same ones, under keys of their own. */
  const turns = { hook: 0, better: 0 }
  let startedAt: number | undefined
  let lastAt: number | undefined
  let endedAt: number | undefined
  let view: Session | undefined

  const move = ({ source: { format }, time }: AgentEvent, to: Exclude<State, "waiting">) => {
    const late = mover !== undefined && mover.format !== format && time < mover.time - LATE_MS
    if (late) return false
    mover = { format, time }
    state = to
    endedAt = to === "ended" || to === "failed" ? time : undefined
    return true
  }

  /** A hook's word about a turn, where a better source tells of turns too, under keys of its own. */
  const isStandIn = ({ kind, source }: AgentEvent) =>
    best > 0 && rankOf(source.format) === 0 && (kind === "turn_start" || kind === "turn_end")

  const finish = (call: string, ok: boolean) => {
    const before = results.get(call)
    results.set(call, ok)
    if (before !== ok) failed += (ok ? 0 : 1) - (before === false ? 1 : 0)
    openCalls.delete(call)
    questions.delete(call)
  }

  const apply = (event: AgentEvent, isNew: boolean) => {
    switch (event.kind) {
      case "session_start":
        identity = { ...identity, ...identityOf(event) }
        move(event, "running")
        return
      case "session_end":
        if (!move(event, event.data.ok ? "ended" : "failed")) return
        openCalls.clear()
        questions.clear()
        return
      case "turn_start":
        if (!isNew) return
        turns[rankOf(event.source.format) === 0 ? "hook" : "better"]++
        spending.turnStarted(event.time)
        move(event, "running")
        return
      case "turn_end":
        spending.turnEnded(event.key, event.time, event.data.figures)
        if (event.parent !== undefined || endedAt !== undefined || !move(event, "idle")) return
        questions.clear()
        // A call without a result was killed with its turn; subagents may go on in the background.
        for (const [call, { parent }] of openCalls) if (parent === undefined) openCalls.delete(call)
        return
      case "message":
        if (isNew) messages++
        if (event.data.role === "user" && event.parent === undefined) prompted(event)
        if (isNew && event.data.role !== "system") move(event, "running")
        return
      case "summary":
        if (event.data.of !== "title") return
        title = { text: firstLine(event.data.text), rank: "agent", time: event.time }
        return
      case "tool_started": {
        const { call, input, name } = event.data
        if (isNew) tools++
        if (results.has(call)) return
        openCalls.set(call, { name, input, since: event.time, parent: event.parent })
        if (asksPeople(name)) questions.set(call, { what: firstLine(requestOf(name, input)), since: event.time, call })
        if (isNew) move(event, "running")
        return
      }
      case "tool_finished":
      case "tool_result":
        finish(event.data.call, event.data.ok)
        return
      case "file_change":
        files.add(event.data.path)
        return
      case "permission":
        decided(event)
        return
      case "usage":
        if (event.data.cumulative === true) spending.totalled(event.data.figures)
        else {
          const { figures, messageId = event.key } = event.data
          spending[event.copiedFrom === undefined ? "used" : "copied"](messageId, event.time, figures)
        }
        if (event.data.model !== undefined) identity = { model: event.data.model, ...identity }
        return
      default:
        return
    }
  }

  const prompted = ({ data, time }: EventOf<"message">) => {
    if (title !== undefined && (title.rank === "agent" || title.time <= time)) return
    const text = data.parts.find((part) => part.type === "text")?.text
    const line = text === undefined ? "" : firstLine(text)
    if (line !== "") title = { text: line, rank: "prompt", time }
  }

  const decided = ({ data, key, time }: EventOf<"permission">) => {
    const { call, decision, reason, tool } = data
    const id = call ?? key
    if (decision !== "asked") return questions.delete(id)
    if (call !== undefined && (results.has(call) || questions.has(call))) return
    const open = call === undefined ? undefined : openCalls.get(call)
    const what =
      open === undefined
        ? (reason ?? (tool === undefined ? "for permission" : `to use ${tool}`))
        : requestOf(open.name, open.input)
    questions.set(id, { what: firstLine(what), since: time, call })
  }

  const look = (): Session => {
    const [waitingFor] = questions.values()
    return {
      agent,
      agentName: identity.agentName,
      version: identity.version,
      title: title?.text,
      model: identity.model,
      cwd: identity.cwd,
      branch: identity.branch,
      host: identity.host,
      state: waitingFor !== undefined && state === "running" ? "waiting" : state,
      waitingFor,
      startedAt,
      lastAt,
      endedAt,
      turns: Math.max(turns.hook, turns.better),
      figures: spending.total(),
      turnFigures: spending.turn(),
      counts: { events: seen.size, messages, tools, failed, files: files.size },
      openCalls
    }
  }

  return {
    add: (event, writer) => {
      const id = `${event.group}.${event.kind === "unrecognized" ? event.original.kind : event.kind}:${event.key}`
      if (isStandIn(event)) {
        if (event.kind === "turn_start" && !seen.has(id)) turns.hook++
        seen.set(id, { rank: 0, writer })
        if (move(event, event.kind === "turn_start" ? "running" : "idle")) questions.clear()
        lastAt = Math.max(lastAt ?? event.time, event.time)
        view = undefined
        return "kept"
      }
      const rank = rankOf(event.source.format)
      const before = seen.get(id)
      if (before !== undefined) {
        const worse = rank < before.rank
        const foreign = rank === before.rank && writer !== before.writer
        if (worse || foreign) return "kept"
      }
      seen.set(id, { rank, writer })
      best = Math.max(best, rank)
      agent ??= event.source.agent
      startedAt = Math.min(startedAt ?? event.time, event.time)
      lastAt = Math.max(lastAt ?? event.time, event.time)
      apply(event, before === undefined)
      view = undefined
      return before === undefined ? "new" : "updated"
    },
    get view(): Session {
      view ??= look()
      return view
    }
  }
}

const identityOf = ({ data }: EventOf<"session_start">): Identity => {
  const { agentName, branch, cwd, host, model, version } = data
  const told = Object.entries({ agentName, branch, cwd, host, model, version })
  return Object.fromEntries(told.filter(([, value]) => value !== undefined))
}

const firstLine = (text: string) => {
  const line = text.trim().split("\n", 1)[0]!.replace(/\s+/g, " ").trim()
  return line.length > TITLE_CHARACTERS
    ? `${line.slice(0, TITLE_CHARACTERS - 1).replace(/[\ud800-\udbff]$/, "")}…`
    : line
}
