/**
 * Records that only a transcript holds: what the session is called, prompts that wait, hooks, errors, compactions and
 * totals. What builds prompts, repeats files or holds an API's headers is dropped here, by name. Source: files of
 * Claude Code 1.0.51 to 2.1.330.
 */
import type { AgentEvent } from "../../domain/AgentEvent.ts"
import type { Figures } from "../../domain/AuditEvent.ts"
import { type Fields, listOf, numberOf, objectOf, stringOf, told } from "../Fields.ts"
import type { Stamp } from "../Stamp.ts"
import type { Events, Reading } from "./State.ts"

/** Prompts, copies of files, and bookkeeping that is worth nothing to a reader. */
const dropped = new Set([
  ...["file-history-snapshot", "api-request", "api-request-shape", "api-request-blob", "atis-latch", "tools-used"],
  // Titles are read by `makeTitles`.
  ...["summary", "ai-title", "custom-title", "agent-name"]
])
/** Attachments that build the prompt; the set is open, so those worth reading are named, and others keep only a name. */
const promptParts = new Set([
  ...["environment", "model", "date", "session_context", "prompt_snapshot", "total_tokens_reminder", "task_reminder"],
  ...["remote_session_change", "skill_listing", "agent_listing_delta", "deferred_tools_delta", "todo_reminder"],
  ...["mcp_instructions_delta", "todo", "nested_memory", "output_style", "critical_system_reminder", "plan_mode"]
])
/** Signs of life, worth nothing later. */
const live = new Set([
  ...["bash_progress", "mcp_progress", "query_update", "search_results_received", "waiting_for_task"],
  ...["agent_progress", "powershell_progress"]
])

export const writtenEvents = (reading: Reading, session: string | undefined): Events => {
  const { key, record, stamp } = reading
  const type = stringOf(record.type) ?? "json"
  const note = (at: string, what: string, text?: string): Events => [
    { ...stamp(at), group: "audit", kind: "note", data: { what, ...told({ text }) } }
  ]
  if (dropped.has(type)) return []
  switch (type) {
    case "system":
      return systemEvents(reading)
    case "progress": {
      const data = objectOf(record.data)
      const kind = stringOf(data?.type) ?? "progress"
      if (live.has(kind)) return []
      if (kind !== "hook_progress") return note(key, `progress/${kind}`)
      const name = stringOf(data?.hookName) ?? stringOf(data?.hookEvent) ?? "hook"
      return [{ ...stamp(key), group: "audit", kind: "hook", data: { name, phase: "started" } }]
    }
    case "attachment":
      return attachmentEvents(reading)
    case "queue-operation": {
      const operation = stringOf(record.operation) ?? "queue"
      const at = stringOf(record.timestamp)
      const place = session === undefined || at === undefined ? key : `q:${session}:${at}:${operation}:${key}`
      const data = { operation, ...told({ text: stringOf(record.content) }) }
      return [{ ...stamp(place), group: "audit", kind: "queue", data }]
    }
    case "pr-link":
      return note(stringOf(record.prUrl) ?? key, type, stringOf(record.prUrl))
    case "cost-state": {
      const data = { cumulative: true, figures: totalsOf(record) }
      return [{ ...stamp(session === undefined ? key : `${session}:cost`), group: "audit", kind: "usage", data }]
    }
    // The prompt itself is a message already.
    case "last-prompt":
      return []
    case "mode":
    case "permission-mode":
      return note(
        session === undefined ? key : `${session}:${type}`,
        type,
        stringOf(record.mode) ?? stringOf(record.permissionMode)
      )
    default:
      return note(key, type)
  }
}

const systemEvents = ({ key, record, state, stamp }: Reading): Events => {
  const subtype = stringOf(record.subtype) ?? "unknown"
  switch (subtype) {
    case "compact_boundary":
    case "microcompact_boundary": {
      const micro = subtype === "microcompact_boundary"
      const about = objectOf(record.compactMetadata) ?? objectOf(record.microcompactMetadata)
      const trigger = micro ? "micro" : about?.trigger
      state.compacted = !micro
      const data = told({
        trigger: trigger === "auto" || trigger === "manual" || trigger === "micro" ? trigger : undefined,
        tokensBefore: numberOf(about?.preTokens),
        tokensAfter: numberOf(about?.postTokens)
      } as const)
      return [{ ...stamp(key), group: "audit", kind: "compaction", data }]
    }
    case "stop_hook_summary": {
      const errors = listOf(record.hookErrors).map((error) => (typeof error === "string" ? error : messageOf(error)))
      const stopped = record.preventedContinuation === true
      const output = errors.length > 0 ? errors.join("\n") : stringOf(record.stopReason)
      const data = {
        name: "Stop",
        phase: "finished",
        ok: errors.length === 0 && !stopped,
        ...told({ output })
      } as const
      return [{ ...stamp(key), group: "audit", kind: "hook", data }]
    }
    case "turn_duration": {
      const data = { ok: true, ...told({ durationMs: numberOf(record.durationMs) }) }
      return [{ ...stamp(key), group: "audit", kind: "turn_end", data }]
    }
    case "api_error":
      return [{ ...stamp(key), group: "audit", kind: "error", data: retryOf(record) }]
    case "local_command":
      return [
        {
          ...stamp(key),
          group: "audit",
          kind: "note",
          data: { what: "local-command", ...told({ text: stringOf(record.content) }) }
        }
      ]
    default:
      return [{ ...stamp(key), group: "audit", kind: "note", data: { what: `system/${subtype}` } }]
  }
}

/** The API's answer holds its headers too; only its sentence and status are kept. */
const retryOf = (record: Fields) => {
  const error = objectOf(record.error)
  const status = numberOf(error?.status)
  const said = messageOf(record.error)
  const message = said === "" ? "The API could not be reached." : said
  return {
    what: "retry",
    message: status === undefined ? message : `${message} (${status})`,
    ...told({
      attempt: numberOf(record.retryAttempt),
      attempts: numberOf(record.maxRetries),
      retryMs: numberOf(record.retryInMs) === undefined ? undefined : Math.round(numberOf(record.retryInMs)!)
    })
  }
}

/** The sentence in an error, which may lie two levels down. */
const messageOf = (error: unknown, levels = 3): string => {
  const fields = objectOf(error)
  if (fields === undefined || levels === 0) return typeof error === "string" ? error : ""
  const inner = messageOf(fields.error, levels - 1)
  return inner !== "" ? inner : (stringOf(fields.message) ?? stringOf(fields.type) ?? "")
}

const attachmentEvents = ({ key, record, stamp }: Reading): Events => {
  const attachment = objectOf(record.attachment)
  const type = stringOf(attachment?.type) ?? "attachment"
  if (promptParts.has(type)) return []
  if (type.startsWith("hook_") && attachment !== undefined) {
    const exitCode = numberOf(attachment.exitCode)
    const output = stringOf(attachment.stdout) ?? stringOf(attachment.stderr) ?? stringOf(attachment.content)
    const data = {
      name: stringOf(attachment.hookName) ?? stringOf(attachment.hookEvent) ?? "hook",
      phase: "finished" as const,
      ok: type === "hook_success" || (type !== "hook_blocking_error" && type !== "hook_error" && (exitCode ?? 0) === 0),
      ...told({ exitCode, output })
    }
    return [{ ...stamp(key), group: "audit", kind: "hook", data }]
  }
  const text = type === "file" ? (stringOf(attachment?.displayPath) ?? stringOf(attachment?.filename)) : undefined
  return [{ ...stamp(key), group: "audit", kind: "note", data: { what: `attachment/${type}`, ...told({ text }) } }]
}

/** Of everything so far, over all models. */
const totalsOf = (record: Fields): Figures => {
  const models = Object.values(objectOf(record.modelUsage) ?? {}).map(objectOf)
  const sum = (name: string) =>
    models.length === 0 ? undefined : models.reduce((total, model) => total + (numberOf(model?.[name]) ?? 0), 0)
  return told({
    input: sum("inputTokens"),
    output: sum("outputTokens"),
    cacheRead: sum("cacheReadInputTokens"),
    cacheWrite: sum("cacheCreationInputTokens"),
    costUsd: numberOf(record.totalCostUSD)
  })
}

export interface Titles {
  readonly of: (record: Fields, stamp: Stamp) => ReadonlyArray<AgentEvent>
}

/**
 * Titles. A `summary` names the last record of the conversation it is about, and most at the top of a file are other
 * sessions': one counts once a record of this file has that id.
 */
export const makeTitles = (): Titles => {
  const waiting = new Map<string, string>()
  const seen = new Set<string>()
  const title = (stamp: Stamp, key: string, text: string): AgentEvent => ({
    ...stamp(`title:${key}`),
    group: "chat",
    kind: "summary",
    data: { of: "title", text }
  })
  return {
    of: (record, stamp) => {
      const uuid = stringOf(record.uuid)
      if (uuid !== undefined) {
        seen.add(uuid)
        const text = waiting.get(uuid)
        waiting.delete(uuid)
        return text === undefined ? [] : [title(stamp, uuid, text)]
      }
      if (record.type === "summary") {
        const leaf = stringOf(record.leafUuid)
        const text = stringOf(record.summary)
        if (leaf === undefined || text === undefined) return []
        if (seen.has(leaf)) return [title(stamp, leaf, text)]
        waiting.set(leaf, text)
        return []
      }
      const named = record.type === "ai-title" || record.type === "custom-title" || record.type === "agent-name"
      const text = named
        ? (stringOf(record.customTitle) ??
          stringOf(record.aiTitle) ??
          stringOf(record.title) ??
          stringOf(record.agentName))
        : undefined
      return text === undefined ? [] : [title(stamp, String(record.type), text)]
    }
  }
}
