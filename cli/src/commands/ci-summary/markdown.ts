/** One session as Markdown for a job's summary. What an agent said stands in code or quotes, so it can neither link nor run. */
import { type AgentEvent, makeSession, tokensOf } from "agent-sync/events"
import { clean, cost, cut, duration, oneLine, plural, tokens } from "../../Terminal.ts"

/** Rows and characters that a summary shows at most; GitHub takes 1 MiB for all of a job's. */
const MOST_FILES = 50
const MOST_FAILED = 10
const MOST_WORDS = 4_000

interface Change {
  readonly change: string
  readonly added: number
  readonly removed: number
}

/** `at`: where it can be watched, and the end of its id by which; undefined where no hub has it. */
export const markdown = (
  events: ReadonlyArray<AgentEvent>,
  at: { readonly tenant: string; readonly id: string } | undefined
): string => {
  const fold = makeSession()
  const files = new Map<string, Change>()
  const failed: Array<string> = []
  const calls = new Map<string, string>()
  let asked: string | undefined
  let last: string | undefined
  for (const event of events) {
    if (fold.add(event) === "kept") continue
    switch (event.kind) {
      case "message": {
        const text = event.data.parts.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n")
        if (text.trim() === "") break
        if (event.data.role === "user") asked ??= text
        if (event.data.role === "assistant") last = text
        break
      }
      case "file_change": {
        const { added = 0, change, path, removed = 0 } = event.data
        const before = files.get(path)
        files.set(path, {
          change: before?.change === "add" ? "add" : change,
          added: (before?.added ?? 0) + added,
          removed: (before?.removed ?? 0) + removed
        })
        break
      }
      case "tool_started":
        calls.set(event.data.call, `${event.data.name} ${oneLine(inputOf(event.data.input)).line}`.trim())
        break
      case "tool_finished":
        if (event.data.ok === false) failed.push(calls.get(event.data.call) ?? event.data.name ?? "a tool")
        break
    }
  }
  const { view } = fold
  const ended = view.endedAt ?? view.lastAt ?? 0
  const took = view.startedAt === undefined || ended <= view.startedAt ? [] : [duration(ended - view.startedAt)]
  const spent = tokensOf(view.figures)
  const facts = [
    view.agentName ?? view.agent ?? "an agent",
    ...(view.model === undefined ? [] : [view.model]),
    view.state,
    ...took,
    plural(view.counts.tools, "tool"),
    ...(spent > 0 ? [`${tokens(spent)} tokens`] : []),
    ...(view.figures.costUsd === undefined ? [] : [cost(view.figures.costUsd)])
  ]
  return [
    `### ${inText(view.title ?? ["Session", at?.id ?? []].flat().join(" "))}`,
    "",
    facts.map(inText).join(" · "),
    ...(asked === undefined ? [] : ["", "**Asked**", "", quoted(asked)]),
    ...(last === undefined ? [] : ["", "**Answered**", "", quoted(last)]),
    ...changes(files),
    ...list("Failed", failed),
    ...(at === undefined ? [] : ["", watching(at.tenant, at.id)]),
    "",
    ""
  ].join("\n")
}

/** A job that only records can neither show a session nor make a link to it. */
const watching = (tenant: string, id: string) =>
  `Where your reader key is, ${code(`agent-sync tail ${tenant} --session ${id}`)} shows it, and ${code(`agent-sync share ${id}`)} makes a link to it.`

const changes = (files: ReadonlyMap<string, Change>): ReadonlyArray<string> => {
  if (files.size === 0) return []
  const rows = [...files].slice(0, MOST_FILES).map(([path, { added, change, removed }]) => {
    const mark = change === "add" ? "new" : change === "delete" ? "deleted" : ""
    return `| ${code(path).replaceAll("|", "\\|")} | ${mark} | +${added} −${removed} |`
  })
  return [
    "",
    `**${plural(files.size, "file")} changed**`,
    "",
    "| File | | Lines |",
    "| --- | --- | --- |",
    ...rows,
    ...(files.size > MOST_FILES ? [`| … and ${files.size - MOST_FILES} more | | |`] : [])
  ]
}

const list = (title: string, items: ReadonlyArray<string>): ReadonlyArray<string> =>
  items.length === 0
    ? []
    : [
        "",
        `**${title}**`,
        "",
        ...items.slice(0, MOST_FAILED).map((item) => `- ${code(cut(item, 200))}`),
        ...(items.length > MOST_FAILED ? [`- … and ${items.length - MOST_FAILED} more`] : [])
      ]

const inputOf = (input: unknown): string => {
  if (typeof input === "string") return input
  if (typeof input !== "object" || input === null) return ""
  const said: unknown = Reflect.get(input, "command") ?? Reflect.get(input, "file_path") ?? Reflect.get(input, "path")
  return typeof said === "string" ? said : ""
}

/** Fenced, with a fence that is longer than any within. */
const quoted = (text: string) => {
  const shown = clean(text).slice(0, MOST_WORDS)
  const longest = Math.max(2, ...[...shown.matchAll(/`+/g)].map(([ticks]) => ticks.length))
  const fence = "`".repeat(longest + 1)
  return `${fence}text\n${shown.trimEnd()}${text.length > MOST_WORDS ? "\n…" : ""}\n${fence}`
}

const code = (text: string) => {
  const shown = clean(text).replaceAll("\n", " ")
  const longest = Math.max(0, ...[...shown.matchAll(/`+/g)].map(([ticks]) => ticks.length))
  const fence = "`".repeat(longest + 1)
  return longest === 0 ? `\`${shown}\`` : `${fence} ${shown} ${fence}`
}

/** Text in which no character means anything to Markdown or HTML. */
const inText = (text: string) =>
  oneLine(text).line.replace(/[\\`*_{}[\]()#+!|<>~&@:]/g, (mark) => `&#${mark.charCodeAt(0)};`)
