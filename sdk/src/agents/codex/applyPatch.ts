/**
 * What a call of `apply_patch` changes, from its own text: `*** Add File:`, `*** Update File:`, `*** Delete File:` between
 * `*** Begin Patch` and `*** End Patch`. It may be the tool's input, a word of a command, or a here-document in one.
 */
import type { EventOf } from "../../domain/AgentEvent.ts"

export type FileChange = Omit<EventOf<"file_change">["data"], "call">

export const changesIn = (input: unknown): ReadonlyArray<FileChange> => {
  const text = patchIn(input)
  if (text === undefined) return []
  const changes: Array<FileChange> = []
  let lines: Array<string> = []
  let open: Pick<FileChange, "path" | "change"> | undefined
  const close = () => {
    if (open === undefined) return
    const count = (sign: string) => lines.filter((line) => line.startsWith(sign)).length
    changes.push({
      ...open,
      added: count("+"),
      removed: count("-"),
      ...(lines.length === 0 ? {} : { patch: lines.join("\n") })
    })
    lines = []
    open = undefined
  }
  for (const line of text.split("\n")) {
    const [, verb, path] = /^\*\*\* (Add|Update|Delete) File: (.+)$/.exec(line) ?? []
    if (verb !== undefined && path !== undefined) {
      close()
      open = { path: path.trim(), change: verb === "Add" ? "add" : verb === "Update" ? "update" : "delete" }
    } else if (line.startsWith("*** End Patch")) close()
    else if (open !== undefined && /^[@+\- ]/.test(line)) lines.push(line)
  }
  close()
  return changes
}

const BEGIN = "*** Begin Patch"

/** The first text of an input that holds a patch. */
const patchIn = (input: unknown, levels = 4): string | undefined => {
  if (typeof input === "string") {
    const at = input.indexOf(BEGIN)
    return at < 0 ? undefined : input.slice(at)
  }
  if (typeof input !== "object" || input === null || levels === 0) return undefined
  for (const inner of Object.values(input)) {
    const found = patchIn(inner, levels - 1)
    if (found !== undefined) return found
  }
  return undefined
}
