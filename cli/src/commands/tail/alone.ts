/** Events that are rows by themselves, whatever came before: what was said, errors, compactions, notes. */
import type { AgentEvent, EventOf } from "agent-sync/events"
import { bytes, duration, grouped, oneLine, plural } from "../../Terminal.ts"
import type { Row } from "./row.ts"

/** Where and when: what every row of an event has. */
export type Place = Pick<Row, "time" | "level">

/** Kinds that are shown only where they are asked for by name. */
export const silentRow = (event: AgentEvent, at: Place): Row => {
  const { kind } = event
  if (event.kind === "note")
    return { ...at, mark: "note", text: oneLine(event.data.what).line, ...factOf(event.data.text) }
  const data = event.kind === "unrecognized" ? event.original.data : event.data
  const fields = Object.entries(typeof data === "object" && data !== null ? data : {})
  const told = fields
    .filter(([, value]) => !(value instanceof Uint8Array))
    .map(([name, value]) => `${name}=${plainly(value)}`)
  return { ...at, mark: "note", text: kind, ...factOf(told.join(" ")) }
}

const plainly = (value: unknown) => (typeof value === "string" ? value : (JSON.stringify(value) ?? ""))

export const rowsAlone = (event: AgentEvent, at: Place): ReadonlyArray<Row> => {
  switch (event.kind) {
    case "message":
      return messageRows(event, at)
    case "error":
      return [errorRow(event, at)]
    case "compaction":
      return [{ ...at, mark: "compacted", text: compacted(event) }]
    case "hook": {
      const { exitCode, name, ok, output } = event.data
      if (ok !== false) return []
      return [
        { ...at, mark: "note", text: `hook ${oneLine(name).line} failed`, ...factOf(output), ...exitOf(exitCode) }
      ]
    }
    case "note":
      return noteRows(event, at)
    case "unrecognized":
      return [
        { ...at, mark: "note", text: `${event.group}.${oneLine(event.original.kind).line}, of a newer agent-sync` }
      ]
    default:
      return []
  }
}

/** The exit code, where it says something. */
export const exitOf = (code: number | undefined): Pick<Row, "figures"> =>
  code === undefined || code === 0 ? {} : { figures: [{ text: `exit ${code}`, bad: true }] }

const messageRows = ({ data, parent }: EventOf<"message">, at: Place): ReadonlyArray<Row> => {
  // A subagent's orders are in the row that started it.
  if (data.role === "user" && parent !== undefined) return []
  const spoken = data.role === "user" ? "prompt" : data.role === "system" ? "note" : "says"
  const rows: Array<Row> = []
  const images = data.parts.filter((part) => part.type === "image")
  const size = images.reduce((sum, image) => sum + image.size, 0)
  let told = images.length === 0 ? "" : `${plural(images.length, "image")}, ${bytes(size)}`
  for (const part of data.parts) {
    if (part.type === "image") continue
    const { line, more: rest } = oneLine(part.text)
    if (line === "") continue
    const mark = part.type === "thinking" ? "thinks" : spoken
    rows.push({ ...at, mark, text: line, ...(told === "" ? {} : { result: told }), ...more(rest) })
    told = ""
  }
  return rows.length === 0 && told !== "" ? [{ ...at, mark: spoken, text: told }] : rows
}

const errorRow = ({ data }: EventOf<"error">, at: Place): Row => {
  const { attempt, attempts, bytes: size, message, retryMs, what } = data
  const { line, more: rest } = oneLine(message)
  if (what === "interrupted") return { ...at, mark: "notice", text: "Interrupted" }
  if (what === "parse") {
    const text = `a line that could not be read${size === undefined ? "" : `, ${bytes(size)}`}`
    return { ...at, mark: "notice", text: `${text}: ${line}` }
  }
  if (attempt === undefined) return { ...at, mark: what === "retry" ? "notice" : "failed", text: line, ...more(rest) }
  const of = attempts === undefined ? "" : ` of ${attempts}`
  const wait = retryMs === undefined ? "" : ` in ${duration(retryMs)}`
  return { ...at, mark: "notice", text: `${line}, try ${attempt}${of}${wait}` }
}

const compacted = ({ data: { tokensBefore, trigger } }: EventOf<"compaction">) => {
  const when = tokensBefore === undefined ? "" : ` at ${grouped(tokensBefore)} tokens`
  if (trigger === "micro") return `Compacted${when}: old results of tools are gone from what the agent sees`
  const how = trigger === "auto" ? ", by itself" : trigger === "manual" ? ", by hand" : ""
  return `Compacted${when}${how}; the agent goes on from a summary`
}

/** Notes are for `--json`, but for the output of programs that we know nothing more about. */
const noteRows = ({ data, source }: EventOf<"note">, at: Place): ReadonlyArray<Row> => {
  const { line, more: rest } = oneLine(data.text ?? "")
  if (data.what === "output") return line === "" ? [] : [{ ...at, mark: "says", text: line, ...more(rest) }]
  if (data.what === "remark") {
    const by = data.by === undefined ? "" : ` by ${oneLine(data.by).line}`
    return [{ ...at, mark: "notice", bold: true, text: `Note${by}: ${line}`, ...more(rest) }]
  }
  if (source.agent !== "text" && source.agent !== "jsonl") return []
  return [{ ...at, mark: "note", text: oneLine(data.what).line, ...factOf(line), ...more(rest) }]
}

const more = (lines: number): Pick<Row, "figures"> =>
  lines === 0 ? {} : { figures: [{ text: `+${plural(lines, "line")}` }] }

const factOf = (text: string | undefined): Pick<Row, "result"> => {
  const { line } = oneLine(text ?? "")
  return line === "" ? {} : { result: line }
}
