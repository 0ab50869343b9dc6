/** Tool calls: what was asked of a tool, what it answered, and which file it changed. */
import type { AgentEvent } from "../../domain/AgentEvent.ts"
import { type Fields, listOf, numberOf, objectOf, stringOf, told } from "../Fields.ts"
import { blobOf, type Media } from "../media.ts"
import { type Hunk, type Patch, patchOf, patchOfNew } from "../patch.ts"
import { resultPermission } from "./permission.ts"
import type { Call, Events, Reading } from "./State.ts"

const editors = new Set(["Edit", "Write", "MultiEdit", "NotebookEdit"])

export const startedEvent = ({ line, stamp, state }: Reading, block: Fields, fallback: string): AgentEvent => {
  const call = stringOf(block.id) ?? fallback
  const name = stringOf(block.name) ?? "tool"
  const input = objectOf(block.input)
  const path = editors.has(name) ? (stringOf(input?.file_path) ?? stringOf(input?.notebook_path)) : undefined
  state.calls.set(call, { name, at: line.at, path })
  return {
    ...stamp(call),
    group: "audit",
    kind: "tool_started",
    data: { call, name, input: block.input ?? {} }
  }
}

/** `details` is the agent's structured copy of the result, where it belongs to this one. */
export const resultEvents = (reading: Reading, block: Fields, details: unknown, fallback: string): Events => {
  const { line, stamp, state } = reading
  const call = stringOf(block.tool_use_id) ?? fallback
  const ok = block.is_error !== true
  const { media, text } = contentOf(block.content)
  const use = state.calls.get(call)
  const exit = ok ? undefined : /^Exit code (\d{1,3})\b/.exec(text)?.[1]
  const finished = {
    call,
    ok,
    ...told({
      name: use?.name,
      durationMs: use === undefined ? undefined : Math.max(0, line.at - use.at),
      exitCode: exit === undefined ? undefined : Number(exit)
    })
  }
  const permission = resultPermission(reading, call, ok, text)
  state.calls.delete(call)
  state.running.delete(call)
  const blobs = media.flatMap((one, n) => blobOf(one, stamp, `${call}:blob:${n}`) ?? [])
  return [
    ...permission,
    { ...stamp(`${call}:end`), group: "audit", kind: "tool_finished", data: finished },
    { ...stamp(`${call}:result`), group: "artifact", kind: "tool_result", data: { call, ok, text } },
    ...(ok ? fileChange(reading, call, use, objectOf(details), text) : []),
    ...blobs
  ]
}

/** Text of a result, and what is not text. A block of an unknown kind is kept as its JSON. */
export const contentOf = (content: unknown): { readonly text: string; readonly media: ReadonlyArray<Media> } => {
  if (typeof content === "string") return { text: content, media: [] }
  const texts: Array<string> = []
  const media: Array<Media> = []
  for (const block of Array.isArray(content) ? content : content === undefined || content === null ? [] : [content]) {
    const fields = objectOf(block)
    const inner = mediaOf(fields)
    if (inner !== undefined) media.push(inner)
    else if (fields?.type === "text" && typeof fields.text === "string") texts.push(fields.text)
    else texts.push(typeof block === "string" ? block : JSON.stringify(block))
  }
  return { text: texts.join("\n"), media }
}

/** An image or document block with its bytes in it. */
export const mediaOf = (block: Fields | undefined): Media | undefined => {
  if (block?.type !== "image" && block?.type !== "document") return undefined
  const source = objectOf(block.source)
  const data = stringOf(source?.data)
  if (source?.type !== "base64" || data === undefined) return undefined
  return { mediaType: stringOf(source.media_type) ?? "application/octet-stream", data }
}

const fileChange = (
  { stamp }: Reading,
  call: string,
  use: Call | undefined,
  details: Fields | undefined,
  text: string
): Events => {
  const isEditor = use === undefined ? Array.isArray(details?.structuredPatch) : editors.has(use.name)
  const path = stringOf(details?.filePath) ?? stringOf(details?.notebook_path) ?? use?.path
  if (!isEditor || path === undefined) return []
  // A subagent's result comes without the structured copy.
  const add = details === undefined ? text.startsWith("File created successfully") : details.type === "create"
  const data = { call, path, change: add ? "add" : "update", ...changes(details, add) } as const
  return [{ ...stamp(`${call}:file:0`), group: "artifact", kind: "file_change", data }]
}

const changes = (details: Fields | undefined, add: boolean): Partial<Patch> => {
  const hunks = listOf(details?.structuredPatch).flatMap((hunk) => hunkOf(objectOf(hunk)) ?? [])
  if (hunks.length > 0) return patchOf(hunks)
  return add && typeof details?.content === "string" ? patchOfNew(details.content) : {}
}

const hunkOf = (hunk: Fields | undefined): Hunk | undefined =>
  hunk === undefined
    ? undefined
    : {
        oldStart: numberOf(hunk.oldStart) ?? 0,
        oldLines: numberOf(hunk.oldLines) ?? 0,
        newStart: numberOf(hunk.newStart) ?? 0,
        newLines: numberOf(hunk.newLines) ?? 0,
        lines: listOf(hunk.lines).filter((line) => typeof line === "string")
      }
