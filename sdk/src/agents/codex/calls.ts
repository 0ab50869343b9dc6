/** Items that are calls of a tool: what was asked of it, and what it answered. */
import type { AgentEvent } from "../../domain/AgentEvent.ts"
import { type Fields, listOf, numberOf, objectOf, stringOf, told } from "../Fields.ts"
import { blobOf, type Media } from "../media.ts"
import type { Events, Reading } from "./State.ts"
import { commandOf } from "./words.ts"

export const callEvents = (reading: Reading, item: Fields, call: string, ended: boolean): Events => {
  const { line, stamp, state } = reading
  const name = nameOf(item)
  const began = state.calls.get(call)
  // What is searched for may be told only when it was found.
  const early = !ended && item.type === "web_search" && stringOf(item.query) === undefined
  const started: Events =
    began !== undefined || early
      ? []
      : [{ ...stamp(call), group: "audit", kind: "tool_started", data: { call, name, input: inputOf(item) } }]
  if (!ended) {
    if (!early) state.calls.set(call, line.at)
    return started
  }
  state.calls.delete(call)
  const exitCode = numberOf(item.exit_code)
  const ok = item.status !== "failed" && item.status !== "declined" && (exitCode ?? 0) === 0
  const durationMs = began === undefined ? undefined : line.at - began
  const data = { call, name, ok, ...told({ durationMs, exitCode }) }
  return [
    ...started,
    ...(item.status === "declined" ? [declined(reading, call, name)] : []),
    { ...stamp(`${call}:end`), group: "audit", kind: "tool_finished", data },
    ...spawnedBy(item, call, stamp),
    ...resultEvents(reading, item, call, ok)
  ]
}

/** The threads that a call began, each a subagent; the same item in `exec --json` and in a rollout. */
export const spawnedBy = (item: Fields, call: string, stamp: Reading["stamp"]): Events => {
  if (item.tool !== "spawn_agent") return []
  const description = stringOf(item.prompt)?.trim().split("\n", 1)[0]
  return listOf(item.receiver_thread_ids).flatMap((subagent) =>
    typeof subagent !== "string"
      ? []
      : [
          {
            ...stamp(subagent),
            group: "audit",
            kind: "agent_spawned",
            data: { call, subagent, ...told({ description }) }
          }
        ]
  )
}

const declined = ({ stamp }: Reading, call: string, tool: string): AgentEvent => ({
  ...stamp(`${call}:perm`),
  group: "audit",
  kind: "permission",
  data: { call, tool, decision: "denied" }
})

/** As Codex names them to the model. */
const nameOf = (item: Fields) => {
  if (item.type === "command_execution") return "shell"
  if (item.type === "web_search") return "web_search"
  if (item.type === "collab_tool_call") return stringOf(item.tool) ?? "collab"
  return `mcp__${stringOf(item.server) ?? "server"}__${stringOf(item.tool) ?? "tool"}`
}

const inputOf = (item: Fields): unknown => {
  const { action, arguments: given, command, query } = item
  if (item.type === "command_execution") {
    return told({ command: typeof command === "string" ? commandOf(command) : command })
  }
  if (item.type === "mcp_tool_call") return given ?? {}
  if (item.type === "collab_tool_call") return told({ prompt: stringOf(item.prompt) })
  // A page that was opened has an address in place of a query.
  return stringOf(query) === undefined ? (objectOf(action) ?? told({ query })) : told({ query, action })
}

const resultEvents = ({ stamp }: Reading, item: Fields, call: string, ok: boolean): Events => {
  if (item.type === "web_search" || item.type === "collab_tool_call") return []
  const { media, text } = item.type === "mcp_tool_call" ? answerOf(item) : printed(item.aggregated_output)
  return [
    { ...stamp(`${call}:result`), group: "artifact", kind: "tool_result", data: { call, ok, text } },
    ...media.flatMap((one, n) => blobOf(one, stamp, `${call}:blob:${n}`) ?? [])
  ]
}

interface Answer {
  readonly text: string
  readonly media: ReadonlyArray<Media>
}

const printed = (output: unknown): Answer => ({ text: textOf(output), media: [] })

/** What is not text is kept as its JSON. */
const textOf = (value: unknown) =>
  typeof value === "string" ? value : value === undefined || value === null ? "" : JSON.stringify(value)

/** The blocks that a server answered, else its structured answer; or why there is none. */
const answerOf = ({ error, result }: Fields): Answer => {
  if (error !== undefined && error !== null) return printed(objectOf(error)?.message ?? error)
  const blocks = listOf(objectOf(result)?.content).map((block) => objectOf(block) ?? { type: "text", text: block })
  if (blocks.length === 0) return printed(objectOf(result)?.structured_content ?? result)
  const texts: Array<string> = []
  const media: Array<Media> = []
  for (const block of blocks) {
    const data = stringOf(block.data)
    if (block.type === "text") texts.push(textOf(block.text))
    else if ((block.type === "image" || block.type === "audio") && data !== undefined) {
      media.push({ mediaType: stringOf(block.mimeType) ?? "application/octet-stream", data })
    } else texts.push(JSON.stringify(block))
  }
  return { text: texts.join("\n"), media }
}
