/**
 * A session as Markdown for a pull request: what was asked, what the agent said, each tool call a line, changes and failures
 * folded. What agents print stands in fences that it cannot end; what they say is Markdown that can do nothing (`harmless.ts`).
 */
import { clean, summarize } from "agent-sync/events"
import type { Call, Item } from "../timeline/Item.ts"
import { cost, duration, firstLine, plural, short, shortPath } from "../words.ts"
import { fenced, harmless, inline } from "./harmless.ts"
import { type Exported, factsOf } from "./html.tsx"

/** Lines of a folded block; GitHub shows a comment of at most 65,536 characters. */
const LINES = 60

export const sessionMarkdown = ({ partial, timeline, title }: Exported): string => {
  const out: Array<string> = [`# ${escaped(title)}`, ""]
  for (const [name, value] of factsOf(timeline)) out.push(`- ${name}: ${escaped(value)}`)
  if (partial) out.push("", "_The beginning of the session is not here._")
  const cwd = timeline.session.cwd
  const walk = (items: ReadonlyArray<Item>, indent: string) => {
    for (const item of items) {
      out.push(...linesOf(item, indent, cwd))
      if (item._tag === "Call") walk(timeline.under(item.call), `${indent}  `)
    }
  }
  walk(timeline.items, "")
  if (timeline.sums.files.size > 0) {
    out.push("", "## Files changed", "")
    for (const [path, { added, removed }] of timeline.sums.files)
      out.push(`- ${inline(shortPath(path, cwd))} +${added} −${removed}`)
  }
  return `${out
    .join("\n")
    .replace(/\n{3,}/g, "\n\n")
    .trim()}\n`
}

const linesOf = (item: Item, indent: string, cwd: string | undefined): ReadonlyArray<string> => {
  const nested = indent !== ""
  switch (item._tag) {
    case "Prompt":
      return nested ? [] : ["", `## ${escaped(firstLine(item.text))}`, "", ...rest(item.text)]
    case "Say":
      return nested ? [`${indent}- ${escaped(firstLine(item.text))}`] : ["", harmless(item.text), ""]
    case "Call":
      return callLines(item, indent, cwd)
    case "Change":
      return [`${indent}- ${item.change.change} ${inline(shortPath(item.change.path, cwd))}`]
    case "Ask": {
      const what =
        item.tool === undefined
          ? "a permission"
          : `${summarize(item.tool, item.input).verb} ${inline(firstLine(summarize(item.tool, item.input).text))}`
      const said = item.reason === undefined ? "" : `: “${escaped(firstLine(item.reason))}”`
      return [`${indent}- **${item.decision}** ${what}${item.by === undefined ? "" : ` by ${escaped(item.by)}`}${said}`]
    }
    case "Trouble":
      return [`${indent}- ⚠ ${escaped(item.title)} ${escaped(firstLine(item.text))}`]
    case "Boundary":
      return item.what === "compacted" ? ["", `_Compacted ${escaped(item.text)}_`, ""] : []
    case "TurnEnd": {
      const { figures, tookMs, tools } = item
      const facts = [
        tookMs === undefined ? "" : duration(tookMs),
        tools > 0 ? plural(tools, "tool") : "",
        (figures.output ?? 0) > 0 ? `${short((figures.input ?? 0) + (figures.output ?? 0))} tokens` : "",
        figures.costUsd === undefined ? "" : cost(figures.costUsd)
      ].filter((fact) => fact !== "")
      return facts.length === 0 ? [] : ["", `_${facts.join(", ")}_`, ""]
    }
    case "Printed":
      return ["", ...fenced(clean(item.text).split("\n"), ""), ""]
    case "Thought":
    case "Picture":
    case "Quiet":
      return []
  }
}

const callLines = (call: Call, indent: string, cwd: string | undefined): ReadonlyArray<string> => {
  const { form, label, text } = summarize(call.name, call.input)
  const shown = firstLine(form === "path" ? shortPath(clean(text), cwd) : clean(text))
  const facts = [
    call.state === "ok" ? "" : call.state,
    call.exitCode === undefined || call.exitCode === 0 ? "" : `exit ${call.exitCode}`,
    call.tookMs === undefined ? "" : duration(call.tookMs)
  ].filter((fact) => fact !== "")
  const mark = call.state === "ok" ? "✓" : call.state === "open" ? "…" : "✗"
  const line = `${indent}- ${mark} **${escaped(label)}** ${shown === "" ? "" : inline(shown)}${facts.length === 0 ? "" : ` (${facts.join(", ")})`}`
  const patches = call.changes.flatMap(({ patch }) =>
    patch === undefined || patch === "" ? [] : folded("Change", patch, "diff", indent)
  )
  const output =
    call.state === "failed" && call.result !== undefined
      ? folded("Output", call.result.trimEnd().split("\n").slice(-LINES).join("\n"), "", indent)
      : []
  return [line, ...patches, ...output]
}

const folded = (name: string, text: string, language: string, indent: string): ReadonlyArray<string> => {
  const lines = clean(text).split("\n")
  const inside = `${indent}  `
  const more = lines.length > LINES ? [`… ${lines.length - LINES} more lines`] : []
  return [
    `${inside}<details><summary>${name}</summary>`,
    "",
    ...fenced([...lines.slice(0, LINES), ...more], language, inside),
    "",
    `${inside}</details>`,
    ""
  ]
}

const rest = (text: string) => {
  const lines = text.trim().split("\n").slice(1)
  return lines.length === 0 ? [] : [...lines.map((line) => `> ${escaped(line)}`), ""]
}

/** A text that stays the text it is. */
const escaped = (text: string) =>
  clean(text)
    .replace(/[\\`*_<>[\]#|~]/g, "\\$&")
    .replace(/\n/g, " ")
