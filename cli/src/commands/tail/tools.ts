/** What distinguishes one tool call from another, and the one fact worth knowing of what it answered, in a line's words. */
import { summarize, yieldOf } from "agent-sync/events"
import { clean, oneLine, plural } from "../../Terminal.ts"

export interface Call {
  readonly name: string
  readonly input: unknown
}

export interface Shown {
  readonly name: string
  readonly text: string
  readonly path?: boolean
  /** A second fact, in the place of a result. */
  readonly result?: string
}

/** Paths are shown below the session's `cwd`, or below home. */
export const showCall = ({ input, name }: Call, cwd: string | undefined): Shown => {
  const { detail, form, label, text } = summarize(name, input)
  const { line } = oneLine(text)
  return {
    name: oneLine(label).line,
    text: form === "path" ? shortPath(line, cwd) : line,
    ...(form === "path" || form === "url" ? { path: true } : {}),
    ...(detail === undefined ? {} : { result: oneLine(detail).line })
  }
}

/** What a person is asked to allow: `run git push`, `edit src/a.ts`. */
export const showRequest = (call: Call, cwd: string | undefined): string => {
  const { form, verb } = summarize(call.name, call.input)
  const { name, text } = showCall(call, cwd)
  return `${form === "fields" ? `${verb} ${name}` : verb} ${text}`.trim()
}

/** What agents say where a tool said nothing, and what they wrap around an error. */
const EMPTY = /^\((Bash completed|Command completed|Tool ran).* (no|without) output\)$/i
const WRAPPING = /<\/?(tool_use_error|error)>|<system-reminder>[\s\S]*?(<\/system-reminder>|$)|^Exit code \d+\n/g
const TROUBLE = /\b(error|errors|fail|fails|failed|failure|panic|denied|not found)\b/i
/** A numbered line that holds nothing: a file ended with a line end. */
const LAST_NUMBER = /\n *\d+[\t→]$/

/** `line` of trouble first, else the last one; a count where that says more. */
export const showResult = (name: string, ok: boolean, text: string): string => {
  const told = clean(text).replace(WRAPPING, "").trimEnd()
  const lines = told
    .split("\n")
    .map((line) => line.replace(/\s+/g, " ").trim())
    .filter((line) => line !== "" && !EMPTY.test(line))
  const [first = ""] = lines
  const last = lines.at(-1) ?? ""
  if (!ok) return lines.find((line) => TROUBLE.test(line)) ?? last
  switch (yieldOf(name)) {
    case "lines":
      return told === "" ? "" : plural(told.replace(LAST_NUMBER, "").split("\n").length, "line")
    case "matches":
      return counted(first) ?? plural(lines.length, "match", "matches")
    case "files":
      return counted(first) ?? plural(lines.length, "file")
    case "change":
    case "nothing":
      return ""
    default:
      return last
  }
}

/** Where the tool says itself how many it found. */
const counted = (line: string) => {
  if (/^No (matches|files)\b/i.test(line)) return line.replace(/ found\.?$/i, "").toLowerCase()
  return /^Found (\d+ \w+)/i.exec(line)?.[1]
}

/** Below the session's folder without it, below its home with `~`. */
export const shortPath = (path: string, cwd: string | undefined): string => {
  if (cwd !== undefined && path.startsWith(`${cwd}/`)) return path.slice(cwd.length + 1)
  return path.replace(/^\/(?:home|Users)\/[^/]+(?=\/|$)/, "~")
}
