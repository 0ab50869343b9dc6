/**
 * Items as the lines of the page: those the tab shows, subagents nested under their call where it is open, runs of
 * quick reads as one line, a line where the day changes. Pure; the page draws only the rows in view.
 */
import { clean, summarize, yieldOf } from "agent-sync/events"
import { clockOf, dayOf, minuteOf, plural } from "../words.ts"
import type { Call, Item } from "./Item.ts"
import { BLOCK } from "./Places.ts"
import { runsSubagent, type Timeline } from "./Timeline.ts"

export type Tab = "timeline" | "chat" | "artifacts" | "audit"
export const TABS: ReadonlyArray<Tab> = ["timeline", "chat", "artifacts", "audit"]

export interface ItemRow {
  readonly _tag: "Item"
  readonly id: string
  readonly item: Item
  readonly open: boolean
  /** 0 for the session's own; the subagent's box is drawn around the rows of its level. */
  readonly level: number
  readonly edge: Edge
  /** `00:36` where the minute is new, else `:43`. */
  readonly clock: string
}
/** Calls that only looked, one after another. */
export interface RunRow {
  readonly _tag: "Run"
  readonly id: string
  readonly calls: ReadonlyArray<Call>
  readonly open: boolean
  readonly level: number
  readonly edge: Edge
  readonly clock: string
  readonly text: string
}
export interface DayRow {
  readonly _tag: "Day"
  readonly id: string
  readonly text: string
  readonly level: 0
}
export type Row = ItemRow | RunRow | DayRow
/** Where in its box a nested row stands. */
type Edge = "first" | "middle" | "last" | "only"

/** What a reader opened or folded, by row id; what is not here stands as it does by itself. */
export type Folds = ReadonlyMap<string, boolean>

/** Fewer are not worth joining. */
const RUN = 4
/** Boxes in boxes are drawn so deep; what lies deeper is drawn at this level. */
const LEVELS = 3

/** Rows of a block of items, and what they were made of. */
interface Drawn {
  readonly change: number
  readonly tab: Tab
  readonly folds: Folds
  readonly before: Clock
  readonly after: Clock
  readonly rows: ReadonlyArray<Row>
}
/** The minute and the day of the row before. */
interface Clock {
  readonly minute: string
  readonly day: string
}
const kept = new WeakMap<Timeline, { readonly blocks: Array<Drawn>; rows: ReadonlyArray<Row> }>()

/** Rows of blocks that have not changed are kept: one new event among 100,000 costs those of its block. The same list where none has. */
export const rowsOf = (timeline: Timeline, tab: Tab, folds: Folds): ReadonlyArray<Row> => {
  const known = kept.get(timeline) ?? { blocks: [], rows: [] }
  kept.set(timeline, known)
  const { blocks } = known
  let clock: Clock = { minute: "", day: "" }
  /** Rows of the blocks before the first that has changed. */
  let same = 0
  let tail = 0
  let changed = false
  const isFoldedAlike = foldedAs(folds)
  for (let block = 0; block * BLOCK < timeline.items.length; block++) {
    const change = timeline.changes[block] ?? 0
    const drawn = blocks[block]
    const alike = drawn?.change === change && drawn.tab === tab && isFoldedAlike(drawn)
    if (drawn === undefined || !alike || drawn.before.minute !== clock.minute || drawn.before.day !== clock.day) {
      const items = timeline.items.slice(block * BLOCK, (block + 1) * BLOCK)
      blocks[block] = { change, tab, folds, before: clock, ...blockRows(timeline, items, tab, folds, clock) }
      if (!changed) tail = block
      changed = true
    }
    clock = blocks[block]!.after
    if (!changed) same += blocks[block]!.rows.length
  }
  if (changed) known.rows = known.rows.slice(0, same).concat(...blocks.slice(tail).map(({ rows }) => rows))
  return known.rows
}

/** Whether what was opened or folded since does not touch the rows of a block; few are asked for at a time, and mostly the same two. */
const foldedAs = (folds: Folds) => {
  const changes = new Map<Folds, ReadonlySet<string>>()
  return (drawn: Drawn): boolean => {
    if (drawn.folds === folds) return true
    const changed = changes.get(drawn.folds) ?? difference(drawn.folds, folds)
    changes.set(drawn.folds, changed)
    return !drawn.rows.some(({ id }) => changed.has(id))
  }
}
const difference = (before: Folds, now: Folds): ReadonlySet<string> =>
  new Set([...before.keys(), ...now.keys()].filter((id) => before.get(id) !== now.get(id)))

const blockRows = (
  timeline: Timeline,
  top: ReadonlyArray<Item>,
  tab: Tab,
  folds: Folds,
  before: Clock
): Pick<Drawn, "rows" | "after"> => {
  const rows: Array<Row> = []
  let { day, minute } = before

  const clock = (time: number) => {
    const now = minuteOf(time)
    if (now === minute) return clockOf(time).slice(5)
    minute = now
    return now
  }

  const walk = (items: ReadonlyArray<Item>, level: number) => {
    const shown = items.filter((item) => isShown(item, tab))
    for (let at = 0; at < shown.length; at++) {
      const item = shown[at]!
      if (level === 0 && item.time > 0) {
        const today = dayOf(item.time)
        if (day !== "" && today !== day) rows.push({ _tag: "Day", id: `day:${item.id}`, text: today, level: 0 })
        day = today
      }
      const edge = edgeOf(at, at, shown.length)
      const run = tab === "timeline" ? runAt(shown, at) : 0
      if (run >= RUN) {
        const calls = shown.slice(at, at + run) as ReadonlyArray<Call>
        const id = `run:${item.id}`
        const open = folds.get(id) ?? false
        const around = edgeOf(at, at + run - 1, shown.length)
        rows.push({ _tag: "Run", id, calls, open, level, edge: around, clock: clock(item.time), text: runText(calls) })
        if (open) for (const call of calls) push(call, level, "middle")
        at += run - 1
        continue
      }
      push(item, level, edge)
    }
  }

  const push = (item: Item, level: number, edge: Edge) => {
    const open = folds.get(item.id) ?? opensItself(timeline, item, level)
    rows.push({ _tag: "Item", id: item.id, item, open, level, edge, clock: clock(item.time) })
    if (item._tag === "Call" && open && tab !== "artifacts")
      walk(timeline.under(item.call), Math.min(LEVELS, level + 1))
  }

  walk(top, 0)
  return { rows, after: { minute, day } }
}

/** Open without being asked: what failed, what changed a file, a subagent, a plan; nothing of that inside a subagent. */
const opensItself = (timeline: Timeline, item: Item, level: number): boolean => {
  if (level > 0 || item._tag !== "Call") return false
  if (item.state === "failed" || item.changes.length > 0) return true
  return isPlan(item) || isEdit(item) || runsSubagent(timeline, item)
}

export const isPlan = ({ name }: Call) => /^(todowrite|todo_?write|update_?plan|writetodos|write_todos)$/i.test(name)
export const isEdit = ({ input, name }: Call) =>
  yieldOf(name) === "change" && typeof input === "object" && input !== null && "old_string" in input

const isShown = (item: Item, tab: Tab): boolean => {
  switch (tab) {
    case "timeline":
      return item._tag !== "Quiet" && !(item._tag === "Call" && item.state === "denied" && item.result === undefined)
    case "chat":
      return item._tag === "Prompt" || item._tag === "Say" || item._tag === "Thought" || item._tag === "Picture"
    case "artifacts":
      if (item._tag === "Call") return item.changes.length > 0 || item.result !== undefined
      return item._tag === "Picture" || item._tag === "Change" || item.events.some(({ group }) => group === "artifact")
    case "audit":
      return item._tag !== "Prompt" && item._tag !== "Say" && item._tag !== "Thought" && item._tag !== "Picture"
  }
}

const looks = (item: Item | undefined): item is Call => {
  if (item?._tag !== "Call" || item.state !== "ok") return false
  const yields = yieldOf(item.name)
  return yields === "lines" || yields === "matches" || yields === "files"
}

const runAt = (items: ReadonlyArray<Item>, at: number) => {
  let length = 0
  while (looks(items[at + length])) length++
  return length
}

/** `Read 4 files, searched 2 times`. */
const runText = (calls: ReadonlyArray<Call>) => {
  const read = new Set(
    calls.filter(({ name }) => yieldOf(name) === "lines").map(({ input, name }) => summarize(name, input).text)
  )
  const searched = calls.filter(({ name }) => yieldOf(name) !== "lines").length
  const times = searched === 1 ? "once" : searched === 2 ? "twice" : `${searched} times`
  const parts = [
    ...(read.size > 0 ? [`read ${plural(read.size, "file")}`] : []),
    ...(searched > 0 ? [`searched ${times}`] : [])
  ]
  const text = parts.join(", ")
  return text.charAt(0).toUpperCase() + text.slice(1)
}

const edgeOf = (from: number, to: number, count: number): Edge =>
  from === 0 && to === count - 1 ? "only" : from === 0 ? "first" : to === count - 1 ? "last" : "middle"

/** What a search looks through: everything the item can show, in lower case, at most so much of it. */
const SEARCHED = 200_000
const texts = new WeakMap<Item, string>()
export const textOf = (item: Item): string => {
  const known = texts.get(item)
  if (known !== undefined) return known
  const text = rawText(item).slice(0, SEARCHED).toLowerCase()
  texts.set(item, text)
  return text
}

const rawText = (item: Item): string => {
  switch (item._tag) {
    case "Prompt":
    case "Say":
    case "Thought":
    case "Printed":
      return item.text
    case "Call": {
      const { text } = summarize(item.name, item.input)
      return [
        item.name,
        text,
        item.result ?? "",
        ...item.changes.map(({ patch = "", path }) => `${path} ${patch}`)
      ].join("\n")
    }
    case "Change":
      return `${item.change.path} ${item.change.patch ?? ""}`
    case "Ask":
      return [
        item.tool ?? "",
        item.by ?? "",
        item.reason ?? "",
        item.tool === undefined ? "" : summarize(item.tool, item.input).text
      ].join(" ")
    case "Trouble":
    case "Quiet":
      return `${item.title} ${item.text}`
    case "Boundary":
      return `${item.what} ${item.text} ${item.more ?? ""}`
    case "Picture":
      return item.name ?? ""
    case "TurnEnd":
      return ""
  }
}

/** Ids of items that hold `query`, in the order of the page: a subagent's follow its call. */
export const hitsOf = (timeline: Timeline, tab: Tab, query: string): ReadonlyArray<string> => {
  const wanted = clean(query).trim().toLowerCase()
  if (wanted === "") return []
  const hits: Array<string> = []
  const walk = (items: ReadonlyArray<Item>) => {
    for (const item of items) {
      if (isShown(item, tab) && textOf(item).includes(wanted)) hits.push(item.id)
      if (item._tag === "Call" && tab !== "artifacts") walk(timeline.under(item.call))
    }
  }
  walk(timeline.items)
  return hits
}

/** What must be open for the item to be among the rows: the calls above it, and the run it may be part of. */
export const openTo = (timeline: Timeline, tab: Tab, folds: Folds, id: string): Folds => {
  const item = timeline.find(id)
  if (item === undefined) return folds
  const opened = new Map(folds)
  for (let parent = item.parent; parent !== undefined; ) {
    const call = timeline.find(`call:${parent}`)
    if (call === undefined) break
    opened.set(call.id, true)
    parent = call.parent
  }
  for (const row of rowsOf(timeline, tab, opened)) {
    if (row._tag === "Run" && row.calls.some((call) => call.id === id)) opened.set(row.id, true)
  }
  return opened
}
