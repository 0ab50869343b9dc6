/**
 * A session folded from its events: who, where, in what state, what it costs. The recorder tells the index from it,
 * `tail` and the viewer draw it. Events may come late, twice, out of time order, and from several sources or writers: the same
 * key is an update, and the better source wins.
 */
import type { AgentEvent } from "./AgentEvent.ts"
import type { Figures } from "./AuditEvent.ts"
import type { State } from "./IndexEvent.ts"

export interface OpenCall {
  readonly name: string
  readonly input: unknown
  /** Milliseconds since 1970. */
  readonly since: number
  /** The call it runs under, for a subagent's. */
  readonly parent: string | undefined
}

export interface WaitingFor {
  /** What a person reads: `to run git push`, or the question. */
  readonly what: string
  readonly since: number
  readonly call: string | undefined
}

export interface Counts {
  readonly events: number
  readonly messages: number
  readonly tools: number
  /** Tool calls that failed. */
  readonly failed: number
  readonly files: number
}

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
  readonly counts: Counts
  readonly openCalls: ReadonlyMap<string, OpenCall>
}

export interface SessionFold {
  /**
   * `kept`: this event changes nothing, a better source or an equal event was there before. `writer` is the hex of
   * the writer's id: a better source counts also across writers, an equal one only within the same.
   */
  readonly add: (event: AgentEvent, writer?: string) => "new" | "updated" | "kept"
  readonly view: Session
}

const TITLE_CHARACTERS = 100

/** The better source of one key: the agent's own file over what it printed over what its hooks said (agent-formats §2, trap 6). */
const rankOf = (format: string) => (format === "transcript" || format === "rollout" ? 2 : format === "hook" ? 0 : 1)

const asksPeople = new Set(["AskUserQuestion", "ExitPlanMode"])

export const makeSession = (): SessionFold => {
  const seen = new Map<string, { rank: number; writer: string | undefined }>()
  const openCalls = new Map<string, OpenCall>()
  const questions = new Map<string, WaitingFor>()
  const results = new Map<string, boolean>()
  /** Of the open turn, by message id or key. A turn's own figures replace them. */
  const usage = new Map<string, Figures>()
  const counted = new Set<string>()
  const turnFigures = new Map<string, Figures>()
  let spent: Figures = {}
  let toolCount = 0
  let messages = 0
  let turns = 0
  const files = new Set<string>()
  let told: Partial<Pick<Session, "agent" | "agentName" | "version" | "model" | "cwd" | "branch" | "host">> = {}
  let title: { text: string; from: "agent" | "prompt" } | undefined
  let state: State = "running"
  let startedAt: number | undefined
  let lastAt: number | undefined
  let endedAt: number | undefined

  const apply = (event: AgentEvent, isNew: boolean) => {
    switch (event.kind) {
      case "session_start": {
        const { agentName, branch, cwd, host, model, version } = event.data
        told = { ...told, agent: event.source.agent, ...defined({ agentName, branch, cwd, host, model, version }) }
        startedAt = Math.min(startedAt ?? event.time, event.time)
        resume()
        return
      }
      case "session_end":
        endedAt = event.time
        state = event.data.ok ? "ended" : "failed"
        openCalls.clear()
        questions.clear()
        return
      case "turn_start":
        if (isNew) turns++
        resume()
        return
      case "turn_end": {
        const { figures } = event.data
        if (figures !== undefined) {
          turnFigures.set(event.key, figures)
          for (const id of usage.keys()) counted.add(id)
          usage.clear()
        } else {
          spent = sum([spent, ...usage.values()])
          for (const id of usage.keys()) counted.add(id)
          usage.clear()
        }
        if (state === "running" || state === "waiting") state = "idle"
        questions.clear()
        return
      }
      case "message":
        if (isNew) messages++
        if (event.data.role === "user" && event.parent === undefined && title === undefined) {
          const text = event.data.parts.find((part) => part.type === "text")?.text
          const line = text === undefined ? "" : firstLine(text)
          if (line !== "") title = { text: line, from: "prompt" }
        }
        if (state === "idle" && event.data.role !== "system") state = "running"
        return
      case "summary":
        if (event.data.of === "title") title = { text: firstLine(event.data.text), from: "agent" }
        return
      case "tool_started": {
        const { call, input, name } = event.data
        if (isNew) toolCount++
        if (results.has(call)) return
        openCalls.set(call, { name, input, since: event.time, parent: event.parent })
        if (asksPeople.has(name)) questions.set(call, { what: questionOf(input), since: event.time, call })
        resume()
        return
      }
      case "tool_finished":
        finish(event.data.call, event.data.ok)
        return
      case "tool_result":
        finish(event.data.call, event.data.ok)
        return
      case "file_change":
        files.add(event.data.path)
        return
      case "permission": {
        const { call, decision, reason, tool } = event.data
        const id = call ?? event.key
        if (decision === "asked") questions.set(id, { what: reason ?? tool ?? "a permission", since: event.time, call })
        else questions.delete(id)
        return
      }
      case "usage": {
        const id = event.data.messageId ?? event.key
        if (!counted.has(id) || event.data.cumulative === true) usage.set(id, larger(usage.get(id), event.data.figures))
        if (event.data.model !== undefined) told = { ...told, model: told.model ?? event.data.model }
        return
      }
      default:
        return
    }
  }

  const resume = () => {
    if (state === "idle" || state === "ended" || state === "failed") state = "running"
    endedAt = undefined
  }

  const finish = (call: string, ok: boolean) => {
    results.set(call, ok)
    openCalls.delete(call)
    questions.delete(call)
  }

  return {
    add: (event, writer) => {
      const id = `${event.group}.${event.kind === "unrecognized" ? event.original.kind : event.kind}:${event.key}`
      const rank = rankOf(event.source.format)
      const before = seen.get(id)
      if (before !== undefined) {
        const worse = rank < before.rank
        const foreign = rank === before.rank && writer !== before.writer
        if (worse || foreign) return "kept"
      }
      seen.set(id, { rank, writer })
      lastAt = Math.max(lastAt ?? event.time, event.time)
      startedAt ??= event.time
      told = { ...told, agent: told.agent ?? event.source.agent }
      apply(event, before === undefined)
      return before === undefined ? "new" : "updated"
    },
    get view(): Session {
      const [waitingFor] = questions.values()
      let failed = 0
      for (const ok of results.values()) if (!ok) failed++
      return {
        agent: told.agent,
        agentName: told.agentName,
        version: told.version,
        title: title?.text,
        model: told.model,
        cwd: told.cwd,
        branch: told.branch,
        host: told.host,
        state: waitingFor !== undefined && state === "running" ? "waiting" : state,
        waitingFor,
        startedAt,
        lastAt,
        endedAt,
        turns,
        figures: sum([spent, ...turnFigures.values(), ...usage.values()]),
        counts: { events: seen.size, messages, tools: toolCount, failed, files: files.size },
        openCalls
      }
    }
  }
}

const firstLine = (text: string) => {
  const line = text.trim().split("\n", 1)[0]!.replace(/\s+/g, " ").trim()
  return line.length > TITLE_CHARACTERS ? `${line.slice(0, TITLE_CHARACTERS - 1)}…` : line
}

/** `AskUserQuestion` has a list of questions; the first is the one a person sees. */
const questionOf = (input: unknown) => {
  const questions = typeof input === "object" && input !== null ? Reflect.get(input, "questions") : undefined
  const first: unknown = Array.isArray(questions) ? questions[0] : undefined
  const text = typeof first === "object" && first !== null ? Reflect.get(first, "question") : undefined
  return typeof text === "string" ? firstLine(text) : "a question"
}

const NAMES = ["input", "output", "cacheRead", "cacheWrite", "costUsd"] as const

const sum = (all: ReadonlyArray<Figures>): Figures => {
  const total: { -readonly [K in keyof Figures]: Figures[K] } = {}
  for (const figures of all) {
    for (const name of NAMES) {
      const value = figures[name]
      if (value !== undefined) total[name] = (total[name] ?? 0) + value
    }
  }
  return total
}

/** Records of one API message repeat its figures and grow: the largest is true (agent-formats §2, Usage). */
const larger = (a: Figures | undefined, b: Figures): Figures => {
  if (a === undefined) return b
  const both: { -readonly [K in keyof Figures]: Figures[K] } = {}
  for (const name of NAMES) {
    const value = Math.max(a[name] ?? -1, b[name] ?? -1)
    if (value >= 0) both[name] = value
  }
  return both
}

const defined = <T extends object>(fields: T) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<
    Record<keyof T, string>
  >
