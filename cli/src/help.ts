/**
 * The help as this program prints it: what @effect/cli knows of a command, in two columns, without its built-ins and
 * without an escape code. Also which flags a command knows, so that a wrong one is told by name.
 */
import * as CliConfig from "@effect/cli/CliConfig"
import * as Descriptor from "@effect/cli/CommandDescriptor"
import type * as HelpDoc from "@effect/cli/HelpDoc"
import type * as Span from "@effect/cli/HelpDoc/Span"
import type * as Usage from "@effect/cli/Usage"
import * as Option from "effect/Option"
import { distance } from "fastest-levenshtein"
import { GLOBAL_FLAGS, splitFlag } from "./globals.ts"
import { wrap } from "./wrap.ts"

type Known = Descriptor.Command<unknown>

/** A command as the words on the command line name it. */
export interface Found {
  /** `agent-sync token create`. */
  readonly name: string
  readonly command: Known
  /** The words behind its name. */
  readonly rest: ReadonlyArray<string>
  readonly children: ReadonlyArray<readonly [string, Known]>
}

/** Follows the words down the grammar as far as they name commands. */
export const find = (root: { readonly descriptor: Known }, name: string, words: ReadonlyArray<string>): Found => {
  const children = childrenOf(root.descriptor)
  const next = children.find(([child]) => child === words[0])
  return next === undefined
    ? { name, command: root.descriptor, rest: words, children }
    : find({ descriptor: next[1] }, `${name} ${next[0]}`, words.slice(1))
}

/**
 * The commands of a command. @effect/cli 0.77 tells them by no public name (`getSubcommands` stops at the first level), so
 * they are read from the value itself: a `Map` holds a `command`, `Subcommands` hold `children`.
 */
const childrenOf = (command: Known): Found["children"] => {
  const inside: unknown = Reflect.get(command, "command")
  if (Reflect.get(command, "_tag") === "Map" && isKnown(inside)) return childrenOf(inside)
  const children: unknown = Reflect.get(command, "children")
  if (!Array.isArray(children)) return []
  return children
    .filter(isKnown)
    .flatMap((child) => [...Descriptor.getNames(child)].map((name) => [name, child] as const))
}
const isKnown = (value: unknown): value is Known =>
  typeof value === "object" && value !== null && Descriptor.TypeId in value

/** The first word that no command or flag can be, or a flag whose value is not there. */
export const stray = (found: Found): { readonly word: string; readonly lacks?: "value" } | undefined => {
  const { children, command, rest } = found
  if (children.length > 0 && !takesWords(command)) return rest[0] === undefined ? undefined : { word: rest[0] }
  const flags = flagsOf(Descriptor.getUsage(command))
  for (let i = 0; i < rest.length; i++) {
    const word = rest[i]!
    if (word === "--") return undefined
    // A lone dash is stdin; a negative number is a value.
    if (!word.startsWith("-") || word === "-" || /^-\d/.test(word)) continue
    const [name, given] = splitFlag(word)
    const takesValue = flags.get(name)
    if (takesValue === undefined) return { word: name }
    if (!takesValue || given !== undefined) continue
    if (++i >= rest.length || rest[i] === "--") return { word: name, lacks: "value" }
  }
  return undefined
}

/** A command of commands may also take words itself: `share SESSION` beside `share list`. */
export const takesWords = (command: Known): boolean =>
  read(Descriptor.getHelp(command, CliConfig.defaultConfig)).args.length > 0

/** The flag that a wrong one was most likely meant to be. */
export const nearest = (word: string, names: Iterable<string>): string | undefined => {
  const close = [...names]
    .map((name) => ({ name, far: distance(word, name) }))
    .filter(({ far, name }) => name.length > 3 && far <= Math.max(2, Math.floor(name.length / 3)))
  return close.sort((a, b) => a.far - b.far)[0]?.name
}

export const flagNames = ({ command }: Found) => [...flagsOf(Descriptor.getUsage(command)).keys()]

/** The commands and the long flags that may follow a command, each with what it does, in the order of the help. */
export const describe = (
  found: Found
): { readonly commands: ReadonlyArray<Row>; readonly flags: ReadonlyArray<Row> } => {
  const { options, order } = read(Descriptor.getHelp(found.command, CliConfig.defaultConfig))
  return {
    commands: found.children
      .map(([name, child]): Row => [name, read(Descriptor.getHelp(child, CliConfig.defaultConfig)).description])
      .sort(([a], [b]) => order.indexOf(a) - order.indexOf(b)),
    flags: options.flatMap(([names, about]): ReadonlyArray<Row> => {
      const flag = /--[a-z-]+/.exec(names)?.[0]
      return flag === undefined ? [] : [[flag, about]]
    })
  }
}

/** Help for a terminal of so many columns. */
export const helpText = (found: Found, columns: number): string => {
  const doc = Descriptor.getHelp(found.command, CliConfig.defaultConfig)
  const { args, description, optional, options } = read(doc)
  const usage = [
    found.name,
    ...(found.children.length > 0 && args.length === 0
      ? ["COMMAND"]
      : args.map(([name]) => (optional.has(name) && found.children.length === 0 ? `[${name}]` : name))),
    ...(options.length > 0 ? ["[options]"] : [])
  ]
  const { commands } = describe(found)
  const sections: ReadonlyArray<readonly [string, ReadonlyArray<Row>]> = [
    ["Commands", commands],
    ["Arguments", args],
    ["Options", options],
    ["Everywhere", GLOBAL_FLAGS]
  ]
  const widest = Math.max(...sections.flatMap(([, rows]) => rows.map(([name]) => name.length)))
  const width = Math.min(widest, 26)
  return [
    ...wrap(description, columns),
    "",
    `  ${usage.join(" ")}`,
    ...sections.flatMap(([title, rows]) =>
      rows.length === 0 ? [] : ["", title, ...rows.flatMap((row) => twoColumns(row, width, columns))]
    ),
    ""
  ].join("\n")
}

/** The message of the grammar's own errors, as one line. */
export const plainText = (doc: HelpDoc.HelpDoc): string => paragraphs(doc).join(" ").replace(/\s+/g, " ").trim()

type Row = readonly [string, string]

const BUILT_IN = /^(--completions|--log-level|-h, --help|--wizard|--version)\b/
/** What @effect/cli says of every flag, and what a reader sees anyway. */
const NOISE =
  /^(This (setting|argument) is optional|A true or false value|A user-defined piece of text|An? [a-z ]+\.$|One of the following|This option may be repeated|This argument (may|must) be repeated)/

const OPTIONAL = /^This (setting|argument) is optional/

const read = (doc: HelpDoc.HelpDoc) => {
  const answer = {
    description: "",
    args: [] as Array<Row>,
    /** Arguments that need not be given. */
    optional: new Set<string>(),
    options: [] as Array<Row>,
    /** Names of its commands, as they were declared. */
    order: [] as Array<string>
  }
  let section = ""
  for (const part of flat(doc)) {
    if (part._tag === "Header") section = textOf(part.value)
    else if (part._tag === "Paragraph" && section === "DESCRIPTION") answer.description ||= textOf(part.value)
    else if (part._tag === "Enumeration" && section === "COMMANDS") {
      answer.order.push(...part.elements.map((row) => plainText(row).split(" ")[0] ?? ""))
    } else if (part._tag === "DescriptionList") {
      const rows = part.definitions.map(([span, block]): Row => {
        const name = textOf(span)
          .trim()
          .replace(/^\((.*)\)$/, "$1")
          .replace(/^\((.*?)( [^)]*)?\)$/, "$1$2")
        const said = paragraphs(block)
        if (said.some((text) => OPTIONAL.test(text))) answer.optional.add(upper(name))
        return [upper(name), said.filter((text) => !NOISE.test(text)).join(" ")]
      })
      if (section === "ARGUMENTS") answer.args.push(...rows)
      if (section === "OPTIONS") answer.options.push(...rows.filter(([name]) => !BUILT_IN.test(name)))
    }
  }
  return answer
}

/** `--port integer` as `--port NUMBER`, `<tenant>` as `TENANT`. */
const upper = (name: string) =>
  name
    .replace(/^<(.+?)>(\.\.\.)?.*$/, (_, word: string, more?: string) => `${word.toUpperCase()}${more ?? ""}`)
    .replace(/ integer\b/, " NUMBER")
    .replace(
      / (text|directory|file|path|float)\b/,
      (_, word: string) => ` ${word === "directory" ? "DIR" : word.toUpperCase()}`
    )
    .replace(/ ?\| ?/g, "|")
    .replace(/\.\.\.$/, "…")

const flat = (doc: HelpDoc.HelpDoc): ReadonlyArray<HelpDoc.HelpDoc> =>
  doc._tag === "Sequence" ? [...flat(doc.left), ...flat(doc.right)] : doc._tag === "Empty" ? [] : [doc]

const paragraphs = (doc: HelpDoc.HelpDoc): ReadonlyArray<string> =>
  flat(doc).flatMap((part) => (part._tag === "Paragraph" || part._tag === "Header" ? [textOf(part.value)] : []))

const textOf = (span: Span.Span): string => {
  switch (span._tag) {
    case "Text":
    case "URI":
      return span.value
    case "Sequence":
      return textOf(span.left) + textOf(span.right)
    default:
      return textOf(span.value)
  }
}

/** Names of flags, and whether each takes a value. */
const flagsOf = (usage: Usage.Usage): ReadonlyMap<string, boolean> => {
  switch (usage._tag) {
    case "Named":
      return new Map(
        usage.names.filter((name) => name.startsWith("-")).map((name) => [name, Option.isSome(usage.acceptedValues)])
      )
    case "Optional":
    case "Repeated":
      return flagsOf(usage.usage)
    case "Concat":
    case "Alternation":
      return new Map([...flagsOf(usage.left), ...flagsOf(usage.right)])
    default:
      return new Map()
  }
}

const twoColumns = ([name, about]: Row, width: number, columns: number): ReadonlyArray<string> => {
  const indent = " ".repeat(width + 5)
  const lines = wrap(about, columns - indent.length)
  if (name.length > width) return [`  ${name}`, ...lines.map((line) => indent + line)]
  return [`  ${name.padEnd(width)}   ${lines[0] ?? ""}`.trimEnd(), ...lines.slice(1).map((line) => indent + line)]
}
