/**
 * What Claude Code tells its hooks: that a tool starts or has ended, that a person is asked and what came of it, that a
 * turn or the session began or ended. A line is `{"at": milliseconds, "hook": INPUT}`, as the hook program kept it; Claude
 * Code itself tells no time. Keys equal those of stdout and transcript where the same thing is told, so both can be read
 * together, the hook's word being the weakest; what was said and what tools answered is left to those.
 *
 * A permission is asked without naming its call: it is the open call with the same tool and input. What was asked and
 * never ran is told as denied when the turn is over.
 */
import type { AgentEvent } from "../../domain/AgentEvent.ts"
import type { About, Adapter, Line, LineReader, Reading } from "../Adapter.ts"
import { type Fields, numberOf, objectOf, stringOf, told } from "../Fields.ts"
import { piecesOf } from "../Records.ts"
import { makeStamp, type Stamp } from "../Stamp.ts"
import { withoutContext } from "./editor.ts"

/** What Claude Code tells its hooks, one JSON object a line. */
export const claudeHook: Adapter = {
  agent: "claude-code",
  agentName: "Claude Code",
  format: "hook",
  // Never of a program's output: who reads a spool names it.
  recognizes: () => false,
  open: () => {
    const state = newState()
    const reader: LineReader = {
      read: (line) => read(line, state),
      end: () => ({ events: [] })
    }
    return reader
  }
}

interface Ask {
  readonly key: string
  readonly call: string | undefined
  readonly tool: string | undefined
}

interface State {
  session: string | undefined
  /** Open calls, by id: the tool, its input as JSON, and when it began. */
  readonly calls: Map<string, { readonly tool: string; readonly input: string; readonly at: number }>
  readonly asks: Map<string, Ask>
  /** The session was seen to begin, and no prompt yet: the next one is its title. */
  untitled: boolean
  turnOpen: boolean
}

const newState = (): State => ({
  session: undefined,
  calls: new Map(),
  asks: new Map(),
  untitled: false,
  turnOpen: false
})

/** One hook's input on its way to events. */
interface Told {
  readonly hook: Fields
  readonly session: string
  readonly at: number
  readonly stamp: Stamp
  readonly state: State
}

type Events = ReadonlyArray<AgentEvent>

const read = (line: Line, state: State): Reading => {
  const events: Array<AgentEvent> = []
  let about: About = {}
  for (const piece of piecesOf(line.text)) {
    const hook = piece.kind === "record" ? objectOf(piece.record.hook) : undefined
    const session = stringOf(hook?.session_id)
    if (piece.kind !== "record" || hook === undefined || session === undefined) continue
    const at = numberOf(piece.record.at) ?? line.at
    const under = { parent: undefined, subagent: stringOf(hook.agent_id) }
    const reading: Told = { hook, session, at, stamp: makeStamp(claudeHook, { ...line, at }, under), state }
    if (session !== state.session) {
      state.session = session
      about = { ...about, session }
    }
    about = { ...about, ...aboutOf(reading) }
    events.push(...eventsOf(reading))
  }
  return Object.keys(about).length === 0 ? { events } : { events, about }
}

const aboutOf = ({ hook, state }: Told): About => {
  const known = told({ cwd: stringOf(hook.cwd), model: stringOf(hook.model) })
  if (hook.hook_event_name === "SessionStart" && hook.source === "startup") state.untitled = true
  if (hook.hook_event_name !== "UserPromptSubmit" || !state.untitled) return known
  state.untitled = false
  return { ...known, ...told({ title: titleOf(stringOf(hook.prompt)) }) }
}

const TITLE_CHARACTERS = 100
const titleOf = (prompt: string | undefined) => {
  const line =
    withoutContext(prompt ?? "")
      .words.trim()
      .split("\n", 1)[0]
      ?.trim() ?? ""
  return line === "" || line.startsWith("/") ? undefined : line.slice(0, TITLE_CHARACTERS)
}

const eventsOf = (reading: Told): Events => {
  const { hook, session, stamp, state } = reading
  switch (hook.hook_event_name) {
    case "SessionStart":
      return [{ ...stamp(`${session}:start`), group: "audit", kind: "session_start", data: startOf(hook) }]
    case "UserPromptSubmit": {
      const settled = settle(reading)
      state.turnOpen = true
      return [...settled, { ...stamp(turnKey(reading, "turn")), group: "audit", kind: "turn_start", data: {} }]
    }
    case "PreToolUse":
      return started(reading)
    case "PermissionRequest":
      return asked(reading, stringOf(hook.tool_name), undefined)
    case "PermissionDenied":
      return denied(reading)
    case "PostToolUse":
      return finished(reading, true)
    case "PostToolUseFailure":
      return finished(reading, false)
    case "SubagentStart":
      return spawned(reading)
    case "Notification":
      return notified(reading)
    case "Stop":
      return turnEnd(reading, { ok: true })
    case "StopFailure":
      return turnEnd(reading, { ok: false, ...told({ reason: stringOf(hook.error) }) })
    case "SessionEnd": {
      const data = { ok: true, reason: stringOf(hook.reason) ?? "ended" }
      return [
        ...settle(reading),
        { ...stamp(`${session}:end:hook:${reading.at}`), group: "audit", kind: "session_end", data }
      ]
    }
    default:
      return [note(reading, stringOf(hook.hook_event_name) ?? "hook", undefined)]
  }
}

const startOf = (hook: Fields) => ({
  agentName: "Claude Code",
  ...told({
    model: stringOf(hook.model),
    cwd: stringOf(hook.cwd),
    permissionMode: stringOf(hook.permission_mode)
  })
})

// Calls --------------------------------------------------------------------------------------------------------------

const started = ({ at, hook, session, stamp, state }: Told): Events => {
  const tool = stringOf(hook.tool_name) ?? "tool"
  const call = stringOf(hook.tool_use_id) ?? `${session}:call:${at}`
  state.calls.set(call, { tool, input: JSON.stringify(hook.tool_input ?? {}), at })
  state.turnOpen = true
  return [
    {
      ...stamp(call),
      group: "audit",
      kind: "tool_started",
      data: { call, name: tool, input: hook.tool_input ?? {} }
    }
  ]
}

const finished = (reading: Told, ok: boolean): Events => {
  const { at, hook, stamp, state } = reading
  const call = stringOf(hook.tool_use_id) ?? sameCall(reading)
  if (call === undefined) return []
  const began = state.calls.get(call)
  state.calls.delete(call)
  const data = {
    call,
    ok,
    ...told({
      name: stringOf(hook.tool_name) ?? began?.tool,
      durationMs: numberOf(hook.duration_ms) ?? (began === undefined ? undefined : at - began.at)
    })
  }
  return [
    // It ran, so somebody allowed it; where it was interrupted, nobody can tell.
    ...decide(reading, ({ call: about }) => about === call || about === undefined, "allowed"),
    { ...stamp(`${call}:end`), group: "audit", kind: "tool_finished", data }
  ]
}

/** The open call that a hook without an id is about; the last one, where several are alike. */
const sameCall = ({ hook, state }: Told): string | undefined => {
  const tool = stringOf(hook.tool_name)
  const input = JSON.stringify(hook.tool_input ?? {})
  const alike = [...state.calls].filter(
    ([id, call]) => call.tool === tool && call.input === input && !state.asks.has(id)
  )
  return alike.at(-1)?.[0]
}

const spawned = ({ at, hook, session, stamp }: Told): Events => {
  const subagent = stringOf(hook.agent_id)
  const data = told({ subagent, type: stringOf(hook.agent_type) })
  return [{ ...stamp(subagent ?? `${session}:agent:${at}`), group: "audit", kind: "agent_spawned", data }]
}

// Permissions --------------------------------------------------------------------------------------------------------

const asked = (reading: Told, tool: string | undefined, reason: string | undefined): Events => {
  const { at, session, stamp, state } = reading
  const call = tool === undefined ? undefined : sameCall(reading)
  const id = call ?? `${session}:ask:${at}`
  const key = call === undefined ? id : `${call}:perm`
  state.asks.set(id, { key, call, tool })
  const data = { decision: "asked", ...told({ call, tool, reason }) } as const
  return [{ ...stamp(key), group: "audit", kind: "permission", data }]
}

const denied = (reading: Told): Events => {
  const { hook, stamp, state } = reading
  const call = stringOf(hook.tool_use_id)
  if (call === undefined) return decide(reading, ({ tool }) => tool === hook.tool_name, "denied")
  state.asks.delete(call)
  const data = {
    call,
    decision: "denied",
    ...told({ tool: stringOf(hook.tool_name), reason: stringOf(hook.reason) })
  } as const
  return [{ ...stamp(`${call}:perm`), group: "audit", kind: "permission", data }]
}

const decide = ({ stamp, state }: Told, which: (ask: Ask) => boolean, decision: "allowed" | "denied"): Events =>
  [...state.asks].flatMap(([id, ask]) => {
    if (!which(ask)) return []
    state.asks.delete(id)
    const data = { decision, ...told({ call: ask.call, tool: ask.tool }) }
    return [{ ...stamp(ask.key), group: "audit", kind: "permission", data } as const]
  })

/** The turn is over: what was asked and has not run will not. */
const settle = (reading: Told): Events => {
  reading.state.calls.clear()
  return decide(reading, () => true, "denied")
}

/** What is asked is also notified, some seconds later; only older versions ask by notification alone. */
const notified = (reading: Told): Events => {
  const { hook, state } = reading
  const message = stringOf(hook.message)
  const type = stringOf(hook.notification_type) ?? (/permission/i.test(message ?? "") ? "permission_prompt" : undefined)
  if (type === "permission_prompt" || type === "elicitation_dialog") {
    return state.asks.size > 0 ? [] : asked(reading, undefined, message)
  }
  // A minute without a word, and no turn has ended: it was interrupted.
  if (type === "idle_prompt" && state.turnOpen) return turnEnd(reading, { ok: false, reason: "interrupted" })
  return [note(reading, "notification", message)]
}

const turnEnd = (reading: Told, data: { readonly ok: boolean; readonly reason?: string }): Events => {
  reading.state.turnOpen = false
  return [...settle(reading), { ...reading.stamp(turnKey(reading, "stop")), group: "audit", kind: "turn_end", data }]
}

/** Older versions give prompts no id. */
const turnKey = ({ at, hook, session }: Told, what: string) => `${session}:${what}:${stringOf(hook.prompt_id) ?? at}`

const note = ({ at, session, stamp }: Told, what: string, text: string | undefined): AgentEvent => ({
  ...stamp(`${session}:hook:${what}:${at}`),
  group: "audit",
  kind: "note",
  data: { what, ...told({ text }) }
})
