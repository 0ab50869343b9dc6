/**
 * What a tool call is about, in a few words: the one argument that distinguishes it. Known tools of all agents are
 * here, by name; an unknown one shows its arguments as they are. How it is drawn is each screen's own business.
 */

/** A tool call in a few words. */
export interface CallSummary {
  /** The tool's name for people. */
  readonly label: string
  /** What follows `asked`: `run`, `edit`, `use`. */
  readonly verb: string
  readonly form: "command" | "path" | "pattern" | "url" | "text" | "fields"
  /** The argument; may be empty, may have several lines. */
  readonly text: string
  /** A second fact worth a few words. */
  readonly detail: string | undefined
}

/** What comes back from a tool and is worth a figure: lines read, matches found; nothing in particular. */
export type Yield = "lines" | "matches" | "files" | "change" | "nothing" | undefined

interface Tool {
  readonly verb: string
  readonly form: CallSummary["form"]
  /** The argument is the first of these that is there. */
  readonly fields: ReadonlyArray<string>
  readonly yields?: Yield
}

const paths = ["file_path", "filePath", "absolute_path", "notebook_path", "path", "dir_path"]
const shell: Tool = { verb: "run", form: "command", fields: ["command", "cmd", "script"] }
const read: Tool = { verb: "read", form: "path", fields: paths, yields: "lines" }
const edit: Tool = { verb: "edit", form: "path", fields: paths, yields: "change" }
const grep: Tool = { verb: "search for", form: "pattern", fields: ["pattern", "query"], yields: "matches" }
const fetch: Tool = { verb: "fetch", form: "url", fields: ["url", "prompt"] }
const search: Tool = { verb: "search the web for", form: "text", fields: ["query"] }
const agent: Tool = { verb: "start a subagent:", form: "text", fields: ["description", "prompt"] }

/** By name in lower case, without `_` and `-`. Claude Code, Codex, Gemini CLI, opencode. */
const tools = new Map<string, Tool>([
  ...["bash", "shell", "localshell", "localshellcall", "execcommand", "runshellcommand"].map(
    (name) => [name, shell] as const
  ),
  ...["read", "readfile", "notebookread", "viewimage"].map((name) => [name, read] as const),
  ...["edit", "multiedit", "write", "writefile", "replace", "notebookedit"].map((name) => [name, edit] as const),
  ...["grep", "searchfilecontent"].map((name) => [name, grep] as const),
  ["glob", { ...grep, verb: "find", yields: "files" }],
  ...["ls", "list", "listdirectory"].map((name) => [name, { ...read, verb: "list" }] as const),
  ["webfetch", fetch],
  ...["websearch", "googlewebsearch", "websearchcall"].map((name) => [name, search] as const),
  ...["task", "agent"].map((name) => [name, agent] as const),
  ["skill", { verb: "use the skill", form: "text", fields: ["skill", "command", "name"] }],
  ["exitplanmode", { verb: "carry out its plan", form: "text", fields: [] }]
])

const lists = new Set(["todowrite", "updateplan"])
const plans = new Set([...lists, "taskcreate", "taskupdate"])

/** Total: any name and input has words. */
export const summarize = (name: string, input: unknown): CallSummary => {
  const id = idOf(name)
  const fields = fieldsOf(input)
  if (lists.has(id)) return todos(fields)
  if (id === "taskcreate" || id === "taskupdate") return todo(fields)
  if (id === "applypatch") return patched(name, input, fields)
  const question = questionOf(name, input)
  if (question !== undefined) {
    return { label: name, verb: "answer", form: "text", text: question.text, detail: question.detail }
  }
  const tool = tools.get(id)
  if (tool === undefined) return { label: name, verb: "use", form: "fields", text: flat(fields), detail: undefined }
  const value = tool.fields.map((field) => textOf(fields[field])).find((text) => text !== undefined)
  const detail = tool === agent ? [fields.subagent_type, fields.model].flatMap((one) => textOf(one) ?? []) : []
  return {
    label: name,
    verb: tool.verb,
    form: value === undefined && tool.fields.length > 0 ? "fields" : tool.form,
    text: value ?? (tool.fields.length > 0 ? flat(fields) : ""),
    detail: detail.length === 0 ? undefined : detail.join(", ")
  }
}

/** What a person is being asked for: `to run git push`, or the question itself. */
export const requestOf = (name: string, input: unknown): string => {
  const question = questionOf(name, input)
  if (question !== undefined) return question.text
  const { form, label, text, verb } = summarize(name, input)
  if (form === "fields") return `to use ${label}`
  return text === "" ? `to ${verb}` : `to ${verb} ${text}`
}

/** A call that is a question to a person: they answer it, nothing runs. */
export const questionOf = (name: string, input: unknown) => {
  if (idOf(name) !== "askuserquestion") return undefined
  const asked = listOf(fieldsOf(input).questions).map(fieldsOf)
  const [first] = asked
  const text = textOf(first?.question) ?? textOf(fieldsOf(input).question) ?? "a question"
  const offered = listOf(first?.options).length
  const more = asked.length - 1
  const facts = [
    ...(offered === 0 ? [] : [`${offered} answers offered`]),
    ...(more < 1 ? [] : [`${more} more ${more === 1 ? "question" : "questions"}`])
  ]
  return { text, detail: facts.length === 0 ? undefined : facts.join(", ") }
}

/** Calls that wait for a person by what they are. */
export const asksPeople = (name: string) => idOf(name) === "askuserquestion" || idOf(name) === "exitplanmode"

/** Calls that start a subagent. */
export const isSubagent = (name: string) => tools.get(idOf(name)) === agent

/** What of a tool's result is worth counting. */
export const yieldOf = (name: string): Yield => {
  const id = idOf(name)
  if (plans.has(id) || isSubagent(name)) return "nothing"
  if (id === "applypatch") return "change"
  return tools.get(id)?.yields
}

type Fields = Readonly<Record<string, unknown>>

const idOf = (name: string) => name.toLowerCase().replace(/[_-]/g, "")

/** Arguments as an object; Codex writes them as JSON in a string. */
const fieldsOf = (input: unknown): Fields => {
  if (typeof input === "string") {
    try {
      return fieldsOf(JSON.parse(input) as object)
    } catch {
      return { "": input }
    }
  }
  return typeof input === "object" && input !== null && !Array.isArray(input) ? (input as Fields) : {}
}

const listOf = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])

/** `["bash", "-lc", "ls"]` is the command it runs. */
const textOf = (value: unknown): string | undefined => {
  if (typeof value === "string") return value === "" ? undefined : value
  if (typeof value === "number" || typeof value === "boolean") return String(value)
  if (!Array.isArray(value) || value.length === 0 || !value.every((one) => typeof one === "string")) return undefined
  const [program, option, script] = value as ReadonlyArray<string>
  const isShell = value.length === 3 && /(^|\/)(ba|z|da)?sh$/.test(program!) && /^-\w*c$/.test(option!)
  return isShell ? script : value.join(" ")
}

const todos = (fields: Fields): CallSummary => {
  const steps = [...listOf(fields.todos), ...listOf(fields.plan)].map(fieldsOf)
  const done = steps.filter(({ status }) => status === "completed").length
  const current = steps.find(({ status }) => status === "in_progress")
  const now = textOf(current?.activeForm) ?? textOf(current?.content) ?? textOf(current?.step)
  const detail = now === undefined ? undefined : `now: ${now}`
  return { label: "Todos", verb: "plan", form: "text", text: `${done} of ${steps.length} done`, detail }
}

/** One step of a list: made, or changed. */
const todo = (fields: Fields): CallSummary => {
  const number = textOf(fields.taskId)
  const status = textOf(fields.status)?.replaceAll("_", " ")
  const what = textOf(fields.subject) ?? textOf(fields.description)
  const text = [number === undefined ? undefined : `task ${number}`, status ?? what].filter(
    (part) => part !== undefined
  )
  return { label: "Todo", verb: "plan", form: "text", text: text.join(" "), detail: undefined }
}

/** Codex: the files are named inside the patch. */
const patched = (name: string, input: unknown, fields: Fields): CallSummary => {
  const patch = typeof input === "string" ? input : (textOf(fields.input) ?? textOf(fields.patch) ?? "")
  const files = [...patch.matchAll(/^\*\*\* (?:Add|Update|Delete) File: (.+)$/gm)].map(([, path]) => path!.trim())
  const more = files.length - 1
  const detail = more < 1 ? undefined : `${more} more ${more === 1 ? "file" : "files"}`
  return { label: name, verb: "edit", form: "path", text: files[0] ?? "", detail }
}

/** `name=value` of each argument; a long value is told by its size, not shown. */
const flat = (fields: Fields) =>
  Object.entries(fields)
    .map(([name, value]) => (name === "" ? short(value) : `${name}=${short(value)}`))
    .join(" ")

const LONG = 60
const short = (value: unknown): string => {
  if (typeof value === "string") {
    if (value.length > LONG || value.includes("\n")) return `${value.slice(0, LONG).split("\n", 1)[0]}…`
    return /^[\w./:@~-]+$/.test(value) ? value : `"${value}"`
  }
  if (Array.isArray(value)) return `[${value.length}]`
  if (value instanceof Uint8Array) return `${value.byteLength} bytes`
  return typeof value === "object" && value !== null ? "{…}" : String(value)
}
