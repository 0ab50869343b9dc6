/**
 * A session's entries folded into items, in the log's order. It only grows: an item keeps its place, and changes by being
 * replaced. What is drawn of it, and in which lines, is `rows.ts`.
 */
import {
  type AgentEvent,
  asksPeople,
  clean,
  type Decoded,
  type EventOf,
  isSubagent,
  makeSession,
  restore,
  type Session,
  tokensOf,
  wholeOf
} from "agent-sync/events"
import * as Either from "effect/Either"
import { bytes, duration, firstLine } from "../words.ts"
import { compactionOf, startOf, troubleOf, usageOf } from "./facts.ts"
import type { Ask, Call, Item } from "./Item.ts"
import { callId, makePlaces, type Places } from "./Places.ts"
import { makePieces } from "./pieces.ts"
import { makeSums, type Sums } from "./Sums.ts"

export interface Entry {
  readonly sequence: number
  /** Hex of the writer's id. */
  readonly writer: string
  readonly content: Decoded
}

export interface Timeline extends Pick<Places, "changes" | "find" | "under"> {
  readonly add: (entry: Entry) => void
  /** Something that must be told about the log itself, after the entries that have been added. False where it was told before. */
  readonly tell: (sequence: number, title: string, text: string) => boolean
  /** Puts all of what was cut in its place, or why that is not to be had. */
  readonly restore: (id: string) => void
  readonly items: ReadonlyArray<Item>
  readonly session: Session
  readonly sums: Pick<Sums, "turns" | "tools" | "files">
  /** How many there are of each group of events. */
  readonly groups: Readonly<Record<"chat" | "artifact" | "audit", number>>
  /** The last entry's number, 0 before the first. */
  readonly last: number
}

/** `partial`: what came before is not here, so turns are not counted. */
export const makeTimeline = (partial = false): Timeline => {
  const fold = makeSession()
  const places = makePlaces()
  const { find, put } = places
  const sums = makeSums()
  const pieces = makePieces()
  const spent = new Map<string, Map<string, number>>()
  const groups = { chat: 0, artifact: 0, audit: 0 }
  let toolsBefore = 0
  let turnOpen = false
  /** The item that says it. */
  let began: string | undefined
  let last = 0
  let lastCompaction: string | undefined

  const callOf = (call: string): Call | undefined => {
    const item = find(callId(call))
    return item?._tag === "Call" ? item : undefined
  }
  /** The call with what is new; made now where only its end is here. */
  const update = (call: string, event: AgentEvent, base: Base, change: (before: Call) => Partial<Call>) => {
    const before =
      callOf(call) ??
      ({
        ...base,
        _tag: "Call",
        id: callId(call),
        call,
        name: "Tool",
        input: {},
        state: "open",
        tookMs: undefined,
        exitCode: undefined,
        result: undefined,
        omitted: 0,
        changes: [],
        tools: 0,
        tokens: 0,
        about: undefined
      } satisfies Call)
    put({
      ...before,
      ...change(before),
      events: before.events.includes(event) ? before.events : [...before.events, event]
    })
  }

  const add = (event: AgentEvent, sequence: number, isNew: boolean) => {
    const base: Base = { id: idOf(event), sequence, time: event.time, parent: event.parent, events: [event] }
    switch (event.kind) {
      case "message":
        return message(event, base)
      case "summary": {
        const { of, text } = event.data
        if (of === "title") return
        const compaction = lastCompaction === undefined ? undefined : find(lastCompaction)
        if (of === "compaction" && compaction?._tag === "Boundary") return put({ ...compaction, more: clean(text) })
        const what = of === "compaction" ? "compacted" : "branched"
        return put({ ...base, _tag: "Boundary", what, text: "", more: clean(text) })
      }
      case "tool_started": {
        const { call, input, name } = event.data
        turnOpen = true
        const known = callOf(call)
        update(call, event, { ...base, id: callId(call) }, () => ({ name: clean(name), input }))
        if (known === undefined || known.name === "Tool") sums.called(clean(name), { calls: 1, failed: 0, ms: 0 })
        if (isNew && event.parent !== undefined)
          grow(event.parent, () => ({ tools: under(event.parent!, "tools") + 1 }))
        return
      }
      case "tool_finished": {
        const { call, durationMs, exitCode, ok } = event.data
        const before = callOf(call)
        update(call, event, base, (known) => ({
          ...(known.name === "Tool" && event.data.name !== undefined ? { name: clean(event.data.name) } : {}),
          state: known.state === "denied" ? "denied" : ok ? "ok" : "failed",
          tookMs: durationMs ?? event.time - known.time,
          exitCode
        }))
        return finished(call, before)
      }
      case "tool_result": {
        const { call, ok, omitted = 0, text } = event.data
        const before = callOf(call)
        update(call, event, base, (known) => ({
          state: known.state === "denied" ? "denied" : ok ? "ok" : "failed",
          tookMs: known.tookMs ?? event.time - known.time,
          result: text,
          omitted
        }))
        return finished(call, before)
      }
      case "file_change": {
        const { data } = event
        sums.changed(event, data)
        if (data.call === undefined || callOf(data.call) === undefined) {
          return put({ ...base, _tag: "Change", change: data })
        }
        return update(data.call, event, base, ({ changes, events }) => {
          const told = events.findLast(({ key }) => key === event.key)
          const others = told?.kind === "file_change" ? changes.filter((change) => change !== told.data) : changes
          return { changes: [...others, data] }
        })
      }
      case "permission":
        return permission(event, base)
      case "error": {
        const { retryMs } = event.data
        const figure = retryMs === undefined ? undefined : duration(retryMs)
        return put({ ...base, _tag: "Trouble", ...troubleOf(event.data), figure })
      }
      case "compaction":
        lastCompaction = base.id
        return put({ ...base, _tag: "Boundary", what: "compacted", text: compactionOf(event.data), more: undefined })
      case "session_start": {
        began ??= base.id
        const what = began === base.id ? "began" : "goes on"
        return put({ ...base, _tag: "Boundary", what, text: startOf(event.data), more: undefined })
      }
      case "session_end": {
        const { exitCode, ok, reason, signal } = event.data
        lose(() => true)
        const why = ok ? "" : exitCode === undefined ? (signal ?? reason) : `exit ${exitCode}`
        return put({ ...base, _tag: "Boundary", what: ok ? "ended" : "failed", text: clean(why), more: undefined })
      }
      case "turn_start":
        turnOpen = true
        return
      case "turn_end":
        return turnEnded(event, base)
      case "usage": {
        const { figures, messageId } = event.data
        sums.used(event)
        if (event.parent !== undefined) {
          const counts = spent.get(event.parent) ?? new Map<string, number>()
          const id = messageId ?? event.key
          counts.set(id, Math.max(counts.get(id) ?? 0, tokensOf(figures)))
          spent.set(event.parent, counts)
          let tokens = 0
          for (const count of counts.values()) tokens += count
          grow(event.parent, () => ({ tokens }))
        }
        return quiet(base, "Usage", usageOf(event.data))
      }
      case "hook": {
        const { exitCode, name, ok, output = "" } = event.data
        if (ok !== false) return quiet(base, "Hook", `${name} ${event.data.phase}`)
        const figure = exitCode === undefined ? undefined : `exit ${exitCode}`
        return put({
          ...base,
          _tag: "Trouble",
          bad: true,
          title: `Hook ${clean(name)} failed`,
          text: clean(output),
          figure
        })
      }
      case "agent_spawned": {
        const { call, description, type } = event.data
        const about = [type, description].filter((part) => part !== undefined).join(", ")
        if (call === undefined || callOf(call) === undefined) return quiet(base, "Subagent", about)
        return update(call, event, base, () => ({ about: clean(type ?? "") }))
      }
      case "blob":
        return blob(event, base)
      case "queue":
        return quiet(base, "Queue", `${event.data.operation} ${event.data.text ?? ""}`)
      case "progress":
        return quiet(base, "Progress", event.data.text ?? "")
      case "note":
        if (event.data.what === "output") return put({ ...base, _tag: "Printed", text: event.data.text ?? "" })
        if (event.source.agent === "jsonl") {
          return put({ ...base, _tag: "Printed", text: `${event.data.what} ${event.data.text ?? ""}` })
        }
        return quiet(base, event.data.what, event.data.text ?? "")
      case "unrecognized":
        return quiet(base, event.original.kind, "an event of a newer agent-sync")
    }
  }

  const quiet = (base: Base, title: string, text: string) =>
    put({ ...base, _tag: "Quiet", title: clean(title), text: clean(text) })

  const message = (event: EventOf<"message">, base: Base) => {
    const { parts, role } = event.data
    if (role !== "system") turnOpen = true
    for (const [index, part] of parts.entries()) {
      const own = { ...base, id: index === 0 ? base.id : `${base.id}.${index}` }
      if (part.type === "image") {
        const { blob: key, mediaType, size } = part
        // Its bytes came before it, and are drawn already.
        if (key !== undefined && find(`blob:${key}`) !== undefined) continue
        put({
          ...own,
          _tag: "Picture",
          mediaType,
          size,
          name: undefined,
          bytes: key === undefined ? undefined : Either.getOrUndefined(pieces.whole(key))
        })
        if (key !== undefined) waiting.set(key, own.id)
        continue
      }
      const text = clean(part.text)
      if (text.trim() === "") continue
      if (part.type === "thinking") put({ ...own, _tag: "Thought", text })
      else if (role === "assistant") put({ ...own, _tag: "Say", text })
      else if (role === "system") quiet(own, "System", firstLine(text))
      // A subagent's orders are in the call that started it.
      else if (event.parent !== undefined) quiet(own, "Orders", firstLine(text))
      else {
        const known = find(own.id) !== undefined
        put({ ...own, _tag: "Prompt", text })
        if (known) continue
        sums.began({ id: own.id, time: event.time, text: firstLine(text, 120) })
      }
    }
  }
  /** Pictures wait here for the bytes that come later, by the blob's key. */
  const waiting = new Map<string, string>()
  const blob = (event: EventOf<"blob">, base: Base) => {
    const { mediaType, name, part, size } = event.data
    const key = pieces.take(event)
    if (key.endsWith(WHOLE)) {
      for (const item of madeOf(key.slice(0, -WHOLE.length), event.parent))
        put({ ...item, cut: { bytes: size, whole: false } })
      return
    }
    const picture = find(waiting.get(key) ?? "")
    const whole = Either.getOrUndefined(pieces.whole(key))
    if (picture?._tag === "Picture") {
      if (whole !== undefined) put({ ...picture, bytes: whole, name: name ?? picture.name, events: [event] })
      return
    }
    if (!mediaType.startsWith("image/")) {
      if ((part?.[0] ?? 0) === 0) quiet(base, name ?? mediaType, `${mediaType}, ${bytes(size)}`)
      return
    }
    put({ ...base, id: `blob:${key}`, _tag: "Picture", mediaType, size, name, bytes: whole })
  }

  /** Items that an event is part of; those of a message stand side by side. Looked for from the end: what is asked for has just come. */
  const madeOf = (key: string, parent: string | undefined): ReadonlyArray<Item> => {
    const list = parent === undefined ? places.top : places.under(parent)
    const isMade = ({ events }: Item) => events.some((event) => event.key === key)
    const last = list.findLastIndex(isMade)
    let first = last
    while (first > 0 && isMade(list[first - 1]!)) first--
    return last === -1 ? [] : list.slice(first, last + 1)
  }

  const restoreItem = (id: string) => {
    const item = find(id)
    if (item?.cut === undefined || item.cut.whole) return
    const { cut } = item
    for (const event of item.events) {
      const blob = wholeOf(event.key)
      if (!pieces.has(blob)) continue
      const restored = Either.flatMap(pieces.whole(blob), (whole) => restore(event, whole))
      if (Either.isLeft(restored)) return put({ ...item, cut: { ...cut, why: restored.left } })
      add(restored.right, item.sequence, false)
      for (const made of madeOf(event.key, event.parent)) {
        const events = made.events.filter((one) => one !== event)
        put({ ...made, events, cut: { bytes: cut.bytes, whole: true } })
      }
    }
  }

  const under = (call: string, what: "tools") => callOf(call)?.[what] ?? 0
  const grow = (call: string, change: (before: Call) => Partial<Call>) => {
    const before = callOf(call)
    if (before !== undefined) put({ ...before, ...change(before) })
  }

  const finished = (call: string, before: Call | undefined) => {
    const now = callOf(call)
    if (now === undefined) return
    const failed = (now.state === "failed" ? 1 : 0) - (before?.state === "failed" ? 1 : 0)
    const ms = (now.tookMs ?? 0) - (before?.tookMs ?? 0)
    sums.called(now.name, { calls: before === undefined ? 1 : 0, failed, ms })
  }

  const permission = (event: EventOf<"permission">, base: Base) => {
    const { by, call, decision, reason, tool } = event.data
    const known = call === undefined ? undefined : callOf(call)
    if (known !== undefined && asksPeople(known.name)) return
    const id = `ask:${call ?? event.key}`
    const before = find(id)
    const asked = before?._tag === "Ask" ? before : undefined
    // The ask may come late, after what was decided.
    if (decision === "asked" && asked !== undefined && asked.decision !== "asked") return
    const ask: Ask = {
      ...base,
      id,
      _tag: "Ask",
      call,
      tool: known?.name ?? (tool === undefined ? undefined : clean(tool)),
      input: known?.input,
      decision,
      by: by === undefined ? asked?.by : clean(by),
      reason: reason === undefined ? undefined : clean(reason),
      afterMs: asked === undefined || decision === "asked" ? undefined : event.time - asked.time
    }
    put(ask)
    if (decision === "denied" && known !== undefined) grow(known.call, () => ({ state: "denied" }))
  }

  const lose = (which: (call: Call) => boolean) => {
    for (const call of openCalls) {
      const item = callOf(call)
      if (item?.state === "open" && which(item)) put({ ...item, state: "lost" })
    }
  }
  /** Calls without a result. */
  const openCalls = new Set<string>()

  const turnEnded = (event: EventOf<"turn_end">, base: Base) => {
    if (event.parent !== undefined) return
    const known = find(base.id)
    if (!turnOpen && known === undefined) return
    const { durationMs, ok, reason } = event.data
    const { counts, turnFigures, turns: number } = fold.view
    lose(({ parent }) => parent === undefined)
    sums.ended(turnFigures)
    put({
      ...base,
      _tag: "TurnEnd",
      number: partial || number === 0 ? undefined : number,
      how: ok ? "ended" : reason === "interrupted" ? "interrupted" : "failed",
      tookMs: durationMs,
      tools: known?._tag === "TurnEnd" ? known.tools : counts.tools - toolsBefore,
      figures: turnFigures
    })
    turnOpen = false
    toolsBefore = counts.tools
  }

  return {
    add: ({ content, sequence, writer }) => {
      last = Math.max(last, sequence)
      if (content._tag !== "Event") {
        if (content._tag === "Unreadable") tell(sequence, "An entry could not be read", content.why)
        return
      }
      const { event } = content
      const change = fold.add(event, writer)
      if (change === "kept") return
      if (change === "new") groups[event.group]++
      if (event.kind === "tool_started" && fold.view.openCalls.has(event.data.call)) openCalls.add(event.data.call)
      add(event, sequence, change === "new")
      if (event.kind === "tool_finished" || event.kind === "tool_result") openCalls.delete(event.data.call)
    },
    tell,
    restore: restoreItem,
    items: places.top,
    under: places.under,
    find,
    get session() {
      return fold.view
    },
    sums,
    groups,
    get last() {
      return last
    },
    changes: places.changes
  }

  function tell(sequence: number, title: string, text: string): boolean {
    const id = `${NOTICE}${sequence}:${title}`
    const isNew = find(id) === undefined
    const base: Base = {
      id,
      sequence,
      time: places.top.at(-1)?.time ?? 0,
      parent: undefined,
      events: []
    }
    put({ ...base, _tag: "Trouble", bad: false, title, text: clean(text), figure: undefined })
    return isNew
  }
}

type Base = Pick<Item, "id" | "sequence" | "time" | "parent" | "events">

/** Ends the key of what lies whole beside an event that was cut. */
const WHOLE = wholeOf("")

const NOTICE = "told:"
/** Whether the item tells something about the log itself. */
export const isNotice = (id: string) => id.startsWith(NOTICE)

const idOf = (event: AgentEvent) => `${event.kind === "unrecognized" ? event.original.kind : event.kind}:${event.key}`

/** Whether a subagent runs in the call. */
export const runsSubagent = (timeline: Timeline, item: Call): boolean =>
  isSubagent(item.name) || timeline.under(item.call).length > 0
