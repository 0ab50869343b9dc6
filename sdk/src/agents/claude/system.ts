/** `system` records: the session, hooks, retries, compactions and background tasks. What only moves a spinner is dropped. */
import type { About } from "../Adapter.ts"
import { type Fields, numberOf, objectOf, stringOf, told } from "../Fields.ts"
import type { Events, Reading } from "./State.ts"

/** Live signs of work that are worth nothing later. */
const live = new Set(["status", "thinking_tokens", "task_progress", "task_updated", "hook_progress"])

export const systemEvents = (reading: Reading): Events => {
  const { key, record, stamp } = reading
  const subtype = stringOf(record.subtype) ?? "unknown"
  if (live.has(subtype)) return []
  switch (subtype) {
    case "init":
      return sessionStart(reading)
    case "hook_started":
    case "hook_response":
      return hook(reading, subtype === "hook_response")
    case "api_retry": {
      const status = numberOf(record.error_status)
      const data = {
        what: "retry",
        message: `${stringOf(record.error) ?? "error"}${status === undefined ? "" : ` (${status})`}`,
        ...told({
          attempt: numberOf(record.attempt),
          attempts: numberOf(record.max_retries),
          retryMs: rounded(record.retry_delay_ms)
        })
      }
      return [{ ...stamp(key), group: "audit", kind: "error", data }]
    }
    case "compact_boundary":
    case "microcompact_boundary":
      return compaction(reading, subtype === "microcompact_boundary")
    case "task_started":
      return taskStarted(reading)
    case "task_notification":
      return taskEnded(reading)
    default:
      return [{ ...stamp(key), group: "audit", kind: "note", data: { what: `system/${subtype}` } }]
  }
}

/** What an init tells about the session. It comes once per prompt. */
export const aboutOf = (record: Fields): About =>
  record.type === "system" && record.subtype === "init"
    ? {
        agentName: "Claude Code",
        ...told({
          version: stringOf(record.claude_code_version),
          model: stringOf(record.model),
          cwd: stringOf(record.cwd)
        })
      }
    : {}

const sessionStart = ({ key, record, stamp, state }: Reading): Events => {
  const { agentName, cwd, model, version } = aboutOf(record)
  const data = told({ agentName, version, model, cwd, permissionMode: stringOf(record.permissionMode) })
  const session = stringOf(record.session_id)
  const said = JSON.stringify(data)
  if (session !== undefined && state.started.get(session) === said) return []
  if (session !== undefined) state.started.set(session, said)
  const start = session === undefined ? key : `${session}:start`
  return [{ ...stamp(start), group: "audit", kind: "session_start", data }]
}

/** Both ends of a hook have its id as key: the second updates the first. */
const hook = ({ key, record, stamp }: Reading, finished: boolean): Events => {
  const name = stringOf(record.hook_name) ?? stringOf(record.hook_event) ?? "hook"
  const result = told({
    ok: finished ? record.outcome === "success" : undefined,
    exitCode: numberOf(record.exit_code),
    output: stringOf(record.output) ?? stringOf(record.stdout) ?? stringOf(record.stderr)
  })
  const phase = finished ? "finished" : "started"
  return [{ ...stamp(stringOf(record.hook_id) ?? key), group: "audit", kind: "hook", data: { name, phase, ...result } }]
}

const compaction = ({ key, record, stamp, state }: Reading, micro: boolean): Events => {
  const about = objectOf(record.compact_metadata) ?? objectOf(record.microcompact_metadata)
  const trigger = micro ? "micro" : about?.trigger === "auto" || about?.trigger === "manual" ? about.trigger : undefined
  state.compacted = !micro
  const data = told({
    trigger: trigger as "auto" | "manual" | "micro" | undefined,
    tokensBefore: numberOf(about?.pre_tokens),
    tokensAfter: numberOf(about?.post_tokens)
  })
  return [{ ...stamp(key), group: "audit", kind: "compaction", data }]
}

/** A subagent began. A shell command that runs for long is a task too, and has its tool call already. */
const taskStarted = ({ key, record, stamp, state }: Reading): Events => {
  const call = stringOf(record.tool_use_id)
  if (record.task_type === "local_bash") {
    if (call !== undefined) state.running.add(call)
    return []
  }
  const subagent = stringOf(record.task_id)
  if (call !== undefined && subagent !== undefined) state.subagents.set(call, subagent)
  const data = told({
    call,
    subagent,
    type: stringOf(record.subagent_type) ?? stringOf(record.task_type),
    description: stringOf(record.description)
  })
  return [{ ...stamp(subagent ?? key), group: "audit", kind: "agent_spawned", data }]
}

const taskEnded = ({ key, record, stamp, state }: Reading): Events => {
  const end = stringOf(record.task_id) === undefined ? key : `${record.task_id}:ended`
  if (state.ended.has(end)) return []
  state.ended.add(end)
  const text = [stringOf(record.summary), stringOf(record.status)].filter((part) => part !== undefined).join(": ")
  return [{ ...stamp(end), group: "audit", kind: "note", data: { what: "task_notification", text } }]
}

const rounded = (value: unknown) => {
  const number = numberOf(value)
  return number === undefined ? undefined : Math.round(number)
}
