/** What distinguishes one tool call from another, and the one fact worth knowing of what it answered. */
import { clean, oneLine, plural } from "../../Terminal.ts"

export interface Call {
  readonly name: string
  readonly input: unknown
}

export interface Shown {
  readonly name: string
  readonly text: string
  readonly path?: boolean
}

/** `home` is the user's home folder in the session, where it can be told from its `cwd`. */
export const showCall = ({ input, name }: Call, cwd: string | undefined): Shown => {
  const field = (key: string) => {
    const value = typeof input === "object" && input !== null ? Reflect.get(input, key) : undefined
    return typeof value === "string" ? value : undefined
  }
  const line = (text: string | undefined) => oneLine(text ?? "").line
  switch (name) {
    case "Bash":
    case "Shell":
      return { name, text: line(field("command")) }
    case "Read":
    case "Edit":
    case "MultiEdit":
    case "Write":
    case "NotebookEdit":
      return { name, text: shortPath(line(field("file_path") ?? field("notebook_path")), cwd), path: true }
    case "Grep":
    case "Glob":
      return { name, text: line(field("pattern")) }
    case "Task":
    case "Agent":
      return { name, text: line(field("description") ?? field("prompt")) }
    case "WebFetch":
      return { name: "Fetch", text: line(field("url")) }
    case "WebSearch":
      return { name: "Search", text: line(field("query")) }
    case "TodoWrite":
      return { name: "Todos", text: todosOf(input) }
    case "TaskCreate":
      return { name: "Todo", text: line(field("subject") ?? field("description")) }
    case "TaskUpdate":
      return {
        name: "Todo",
        text: `task ${line(field("taskId"))} ${line(field("status") ?? field("subject")).replaceAll("_", " ")}`
      }
    case "Skill":
      return { name, text: line(field("skill") ?? field("command")) }
    default:
      return { name: oneLine(name).line, text: compact(input) }
  }
}

export const isSubagent = (name: string) => name === "Task" || name === "Agent"

/** `line` of trouble first, else the last one; a count where that says more. */
export const showResult = (name: string, ok: boolean, text: string): string => {
  const lines = clean(text)
    .split("\n")
    .map((line) => line.replace(/\s+/g, " ").trim())
    .filter((line) => line !== "")
  if (!ok)
    return lines.find((line) => /\b(error|fail|failed|panic|denied|not found)\b/i.test(line)) ?? lines.at(-1) ?? ""
  switch (name) {
    case "Read":
      return plural(lines.length, "line")
    case "Grep":
      return /^No (matches|files)/i.test(lines[0] ?? "") ? "no matches" : plural(lines.length, "match", "matches")
    case "Glob":
      return /^No files/i.test(lines[0] ?? "") ? "no files" : plural(lines.length, "file")
    case "Edit":
    case "MultiEdit":
    case "Write":
    case "NotebookEdit":
    case "TodoWrite":
    case "TaskCreate":
    case "TaskUpdate":
    case "Task":
    case "Agent":
      return ""
    default:
      return lines.at(-1) ?? ""
  }
}

/** Below the session's folder without it, below its home with `~`. */
export const shortPath = (path: string, cwd: string | undefined): string => {
  if (cwd !== undefined && path.startsWith(`${cwd}/`)) return path.slice(cwd.length + 1)
  return path.replace(/^\/(?:home|Users)\/[^/]+(?=\/|$)/, "~")
}

const todosOf = (input: unknown) => {
  const todos: unknown = typeof input === "object" && input !== null ? Reflect.get(input, "todos") : undefined
  const list = Array.isArray(todos) ? todos.filter((todo) => typeof todo === "object" && todo !== null) : []
  const done = list.filter((todo) => Reflect.get(todo, "status") === "completed").length
  const now = list.find((todo) => Reflect.get(todo, "status") === "in_progress")
  const doing: unknown = now === undefined ? undefined : (Reflect.get(now, "activeForm") ?? Reflect.get(now, "content"))
  return `${done} of ${list.length} done${typeof doing === "string" ? `  now: ${oneLine(doing).line}` : ""}`
}

/** `key=value` of what is short, for tools we do not know. */
const compact = (input: unknown): string => {
  if (typeof input !== "object" || input === null) return oneLine(String(input ?? "")).line
  return Object.entries(input)
    .map(
      ([key, value]) =>
        `${oneLine(key).line}=${oneLine(typeof value === "string" ? value : (JSON.stringify(value) ?? "")).line}`
    )
    .join(" ")
}
