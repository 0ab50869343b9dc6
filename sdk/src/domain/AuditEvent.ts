/** What happened: sessions, turns, tool calls, permissions, usage, errors, and the rest as notes. */
import * as Schema from "effect/Schema"

const audit = <K extends string, F extends Schema.Struct.Fields>(kind: K, fields: F) =>
  Schema.Struct({
    group: Schema.Literal("audit"),
    kind: Schema.Literal(kind),
    data: Schema.Struct(fields)
  })
const text = Schema.optional(Schema.String)
const count = Schema.optional(Schema.Number)

/** Tokens and cost of one API reply, or of everything so far where `cumulative`. Cost in US dollars, as the agent reported it. */
export const Figures = Schema.Struct({
  input: count,
  output: count,
  cacheRead: count,
  cacheWrite: count,
  costUsd: count
})
export type Figures = typeof Figures.Type

/** A session began, or goes on, with what the agent tells of itself. */
export const SessionStart = audit("session_start", {
  /** The agent's name for people, with its version: `Claude Code`, `2.1.197`. */
  agentName: text,
  version: text,
  model: text,
  cwd: text,
  branch: text,
  commit: text,
  host: text,
  permissionMode: text
})
/** The agent's process ended, or its stream. */
export const SessionEnd = audit("session_end", {
  ok: Schema.Boolean,
  /** `exit`, `signal`, `eof`, or the agent's own word. */
  reason: Schema.String,
  exitCode: count,
  signal: text
})
/** A person's prompt is being worked on. */
export const TurnStart = audit("turn_start", {})
/** The agent waits for the next prompt. */
export const TurnEnd = audit("turn_end", {
  ok: Schema.Boolean,
  reason: text,
  durationMs: count,
  /** Figures of the turn, not of the session. */
  figures: Schema.optional(Figures)
})
/** A tool is being called. `input` is its arguments as the agent wrote them. */
export const ToolStarted = audit("tool_started", {
  call: Schema.String,
  name: Schema.String,
  input: Schema.Unknown
})
/** The call ended; what came out is a `tool_result` of the same `call`. `durationMs` in milliseconds. */
export const ToolFinished = audit("tool_finished", {
  call: Schema.String,
  name: text,
  ok: Schema.Boolean,
  durationMs: count,
  exitCode: count
})
/** A person, or a rule, was asked whether a call may go on, or answered. */
export const Permission = audit("permission", {
  call: text,
  tool: text,
  decision: Schema.Literal("asked", "allowed", "denied"),
  by: text,
  /** What the person said, or why. */
  reason: text
})
/** A hook of the agent ran. */
export const Hook = audit("hook", {
  name: Schema.String,
  phase: Schema.Literal("started", "finished"),
  ok: Schema.optional(Schema.Boolean),
  exitCode: count,
  output: text
})
/** Tokens and cost; of one API reply by its `messageId`, or of all so far where `cumulative`. */
export const Usage = audit("usage", {
  messageId: text,
  model: text,
  cumulative: Schema.optional(Schema.Boolean),
  figures: Figures
})
/** Something went wrong. Times in milliseconds. */
export const ErrorEvent = audit("error", {
  /** `api`, `retry`, `interrupted`, `parse`, `tool`, `agent`. */
  what: Schema.String,
  message: Schema.String,
  attempt: count,
  attempts: count,
  retryMs: count,
  /** Of an unreadable line: its bytes and SHA-256 (hex); `message` holds how it begins. */
  bytes: count,
  digest: text
})
/** The agent shortened what it remembers. */
export const Compaction = audit("compaction", {
  trigger: Schema.optional(Schema.Literal("auto", "manual", "micro")),
  tokensBefore: count,
  tokensAfter: count
})
/** A subagent was started by a call. */
export const AgentSpawned = audit("agent_spawned", {
  call: text,
  subagent: text,
  type: text,
  description: text
})
/** A prompt was put into the agent's queue, or taken out. */
export const Queue = audit("queue", { operation: Schema.String, text })
/** A word in between, of a call that goes on. */
export const Progress = audit("progress", { call: text, text })
/**
 * Anything else worth a line. `what` is the source's own name for it; a record we do not know keeps only that name. A
 * person's own words are a `remark`, `by` says whose.
 */
export const Note = audit("note", { what: Schema.String, text, by: text })

/** What happened. */
export const AuditEvent = Schema.Union(
  SessionStart,
  SessionEnd,
  TurnStart,
  TurnEnd,
  ToolStarted,
  ToolFinished,
  Permission,
  Hook,
  Usage,
  ErrorEvent,
  Compaction,
  AgentSpawned,
  Queue,
  Progress,
  Note
)
export type AuditEvent = typeof AuditEvent.Type
