/**
 * The page's next model, and what has to be done in the world for it, as values that `page.tsx` carries out. Nothing here
 * touches the browser or the network.
 */

import {
  type Fleet,
  type Log,
  type Model,
  newLog,
  type Replay,
  type Route,
  readingOf,
  type Speed,
  sessionOf,
  shownOf
} from "./Model.ts"
import { stepOf } from "./replay.ts"
import type { Notice, Told } from "./Source.ts"
import { type Folds, hitsOf, openTo, type Tab } from "./timeline/rows.ts"
import { isNotice, makeTimeline } from "./timeline/Timeline.ts"

export type Message =
  | Told
  | { readonly _tag: "Ticked"; readonly now: number }
  | { readonly _tag: "Went"; readonly route: Route }
  | { readonly _tag: "Fleet"; readonly fleet: Partial<Fleet> }
  | { readonly _tag: "Tab"; readonly tab: Tab | "summary" }
  | { readonly _tag: "Folded"; readonly id: string; readonly open: boolean }
  | { readonly _tag: "FoldedAll"; readonly ids: ReadonlyArray<string>; readonly open: boolean }
  | { readonly _tag: "Here"; readonly id: string | undefined }
  /** The reader has scrolled: to the end, or away from it. */
  | { readonly _tag: "AtEnd"; readonly atEnd: boolean }
  | { readonly _tag: "Follow"; readonly follow: boolean }
  /** The reader has come to the first row that is here. */
  | { readonly _tag: "AtStart" }
  /** The reader wants the first event, wherever it is. */
  | { readonly _tag: "ToStart" }
  /** To the next place where the log says of itself that something is not there. */
  | { readonly _tag: "NextNotice" }
  | { readonly _tag: "Find"; readonly query: string }
  | { readonly _tag: "NextHit"; readonly by: 1 | -1 }
  | { readonly _tag: "Raw"; readonly id: string }
  /** The reader wants all of what was cut. */
  | { readonly _tag: "Whole"; readonly id: string }
  | { readonly _tag: "ReplayTo"; readonly at: number }
  | { readonly _tag: "ReplayBy"; readonly by: number }
  | { readonly _tag: "Play"; readonly speed?: Speed }
  | { readonly _tag: "Pause" }
  /** `ms` of real time passed while it plays. */
  | { readonly _tag: "Played"; readonly ms: number }
  | { readonly _tag: "BackToLive" }
  | { readonly _tag: "Help"; readonly open: boolean }
  | { readonly _tag: "SingleKeys"; readonly on: boolean }
  | { readonly _tag: "Toast"; readonly text: string | undefined }

export type Effect =
  /** `later`: what is here is drawn first. */
  | { readonly _tag: "Watch"; readonly log: string; readonly entries: number | "all"; readonly later?: true }
  | { readonly _tag: "Unwatch"; readonly log: string }
  | { readonly _tag: "ScrollTo"; readonly id: string }
  | { readonly _tag: "ScrollToEnd" }

/**
 * The newest entries that a session page opens with, those that it has soon after, and the newest of each session that goes
 * on, for the fleet's "now".
 */
const FIRST_PAGE = 64
const PAGE = 2_000
const GLANCE = 120
/** Of a session that has ended, for what it said last. */
const LAST_WORDS = 40
/** Sessions that the fleet looks into. */
const GLANCES = 24
/** Each further page holds so many times what is here. */
const GROWTH = 8

/** Wanted as an event is, in the place of an id. */
export const FIRST = "the first"

type Next = readonly [Model, ReadonlyArray<Effect>]
const only = (model: Model): Next => [model, []]

export const update = (model: Model, message: Message): Next => {
  switch (message._tag) {
    case "Connection":
      return only({ ...model, connection: message.connection })
    case "Behind":
      return only({ ...model, behind: message.count })
    case "WrongKey":
      return only({ ...model, blocked: "wrong key", sessions: new Map(), logs: new Map() })
    case "IndexRead":
      return watching({ ...model, indexRead: true })
    case "Listed": {
      const sessions = new Map(model.sessions).set(message.session.log, message.session)
      const next = { ...model, sessions }
      return model.indexRead || model.route.page === "session" ? watching(next) : only(next)
    }
    case "Entries":
      return only(changed(model, message.log, (log) => added(log, message)))
    case "CaughtUp": {
      const next = changed(model, message.log, ({ staged, ...log }) =>
        staged === undefined
          ? { ...log, staged, caughtUp: true }
          : { ...staged, caughtUp: true, version: log.version + 1 }
      )
      return whole(replayMoved(logOf(model), uncut(next, message.log)), message.log)
    }
    case "Notice": {
      const { log, notice } = message
      if (log === undefined) {
        if (notice._tag === "Replaced") return only({ ...model, replaced: true, indexNotices: new Map() })
        const at = "from" in notice ? notice.from : "sequence" in notice ? notice.sequence : 0
        return only({ ...model, indexNotices: new Map(model.indexNotices).set(`${notice._tag} ${at}`, notice) })
      }
      return only(changed(model, log, (known) => noticed(known, notice)))
    }
    case "Ticked":
      return only({ ...model, now: message.now })
    case "Went":
      return went(model, message.route)
    case "Fleet": {
      const next = { ...model, fleet: { ...model.fleet, ...message.fleet } }
      return message.fleet.inView === undefined ? only(next) : watching(next)
    }
    case "Tab":
      return only(found({ ...model, reading: { ...model.reading, tab: message.tab } }))
    case "Folded":
      return only(folded(model, new Map(model.reading.folds).set(message.id, message.open)))
    case "FoldedAll": {
      const folds = new Map(model.reading.folds)
      for (const id of message.ids) folds.set(id, message.open)
      return only(folded(model, folds))
    }
    case "Here":
      return only({ ...model, reading: { ...model.reading, here: message.id } })
    case "AtEnd": {
      const { atEnd } = message
      if (atEnd === model.reading.follow || model.reading.replay !== undefined) return only(model)
      return only({ ...model, reading: { ...model.reading, follow: atEnd, fresh: 0 } })
    }
    case "Follow": {
      const { follow } = message
      const reading = { ...model.reading, follow, fresh: 0, replay: follow ? undefined : model.reading.replay }
      return [{ ...model, reading }, follow ? [{ _tag: "ScrollToEnd" }] : []]
    }
    case "AtStart":
      return earlier(model)
    case "ToStart": {
      const session = sessionOf(model)
      return whole({ ...model, reading: { ...model.reading, wanted: FIRST, follow: false } }, session?.log ?? "")
    }
    case "NextNotice": {
      const told = logOf(model)?.timeline.items.filter(({ id }) => isNotice(id)) ?? []
      const at = told.findIndex(({ id }) => id === model.reading.here)
      const next = told[(at + 1) % Math.max(1, told.length)]
      return next === undefined ? only(model) : shown(model, next.id)
    }
    case "Find": {
      const next = found({ ...model, reading: { ...model.reading, query: message.query, hit: 0 } })
      return toHit(next)
    }
    case "NextHit": {
      const { hit, hits } = model.reading
      if (hits.length === 0) return only(model)
      return toHit({ ...model, reading: { ...model.reading, hit: (hit + message.by + hits.length) % hits.length } })
    }
    case "Raw": {
      const raw = new Set(model.reading.raw)
      if (!raw.delete(message.id)) raw.add(message.id)
      return only({ ...model, reading: { ...model.reading, raw } })
    }
    case "Whole":
      return only(restored(model, message.id))
    case "ReplayTo":
      return replayed(model, message.at)
    case "ReplayBy": {
      const log = logOf(model)
      return replayed(model, (model.reading.replay?.at ?? log?.entries.length ?? 0) + message.by)
    }
    case "Play": {
      const log = logOf(model)
      if (log === undefined) return only(model)
      const { replay } = model.reading
      const from = replay === undefined || replay.at >= log.entries.length ? 0 : replay.at
      const [next, effects] = replayed(model, from)
      return [playing(next, { playing: true, speed: message.speed ?? replay?.speed ?? 4 }), effects]
    }
    case "Pause":
      return only(playing(model, { playing: false }))
    case "Played":
      return played(model, message.ms)
    case "BackToLive":
      return [
        { ...model, reading: { ...model.reading, replay: undefined, follow: true, fresh: 0 } },
        [{ _tag: "ScrollToEnd" }]
      ]
    case "Help":
      return only({ ...model, help: message.open })
    case "SingleKeys":
      return only({ ...model, singleKeys: message.on })
    case "Toast":
      return only({ ...model, toast: message.text })
  }
}

// Logs ---------------------------------------------------------------------------------------------------------------

export const logOf = (model: Model): Log | undefined => {
  const session = sessionOf(model)
  return session === undefined ? undefined : model.logs.get(session.log)
}

const added = (log: Log, told: Extract<Told, { readonly _tag: "Entries" }>): Log => {
  if (log.staged !== undefined) return { ...log, staged: added(log.staged, told) }
  const { entries, partial } = told
  const timeline = log.count === 0 ? makeTimeline(partial) : log.timeline
  for (const entry of entries) timeline.add(entry)
  // Grown in place, as the timeline is: a copy at each batch would make a long log slow.
  const all = log.entries as Array<(typeof entries)[number]>
  for (const entry of entries) all.push(entry)
  return { ...log, timeline, entries: all, count: all.length, version: log.version + 1, partial }
}

/** A hub that was replaced or put back gives a log anew: what was told of it before is not counted again. */
const noticed = (log: Log, notice: Notice): Log => {
  if (log.staged !== undefined) return { ...log, staged: noticed(log.staged, notice) }
  const { timeline } = log
  const next = { ...log, version: log.version + 1 }
  switch (notice._tag) {
    case "Unopened": {
      const count = notice.to - notice.from + 1
      const title = `${count} ${count === 1 ? "entry" : "entries"} could not be opened`
      return { ...next, unopened: log.unopened + (timeline.tell(notice.from, title, notice.why) ? count : 0) }
    }
    case "Gap": {
      const count = notice.to - notice.from + 1
      const title = `${count} ${count === 1 ? "entry is" : "entries are"} gone from the hub`
      return {
        ...next,
        gone: log.gone + (timeline.tell(notice.from, title, `${notice.from} to ${notice.to}`) ? count : 0)
      }
    }
    case "Missing": {
      const text = `the writer wrote ${notice.count} more before this one`
      const isNew = timeline.tell(notice.sequence, "Entries are missing", text)
      return { ...next, gone: log.gone + (isNew ? notice.count : 0) }
    }
    case "Forked":
      timeline.tell(notice.sequence, "The writer wrote two histories", "what follows may repeat or contradict")
      return { ...next, forked: true }
    case "Refused":
      return { ...next, refused: notice, caughtUp: true }
    case "Replaced":
      return log
  }
}

const changed = (model: Model, id: string, change: (log: Log) => Log): Model => {
  const before = model.logs.get(id)
  if (before === undefined) return model
  const log = change(before)
  const next = { ...model, logs: new Map(model.logs).set(id, log) }
  if (sessionOf(next)?.log !== id) return next
  const more = before.caughtUp && log.timeline === before.timeline ? log.count - before.count : 0
  const { follow, fresh, replay } = next.reading
  const reading = !follow && replay === undefined ? { ...next.reading, fresh: fresh + more } : next.reading
  return withHits({ ...next, reading })
}
/** All that was asked for is here: goes to the event of the address, and asks for what comes before where it must. */
const whole = (model: Model, id: string): Next => {
  const log = logOf(model)
  if (log === undefined || sessionOf(model)?.log !== id) return only(model)
  const { wanted } = model.reading
  if (log.staged !== undefined || !log.caughtUp) return only(model)
  if (wanted !== undefined) {
    const id = wanted === FIRST && !log.partial ? log.timeline.items[0]?.id : wanted
    if (id !== undefined && log.timeline.find(id) !== undefined) return shown(model, id)
    if (log.partial) return earlier(model)
    return only({ ...model, reading: { ...model.reading, wanted: undefined }, toast: "The link’s event is not here" })
  }
  return log.entries.length < PAGE ? earlier(model) : only(model)
}
/** Scrolls to an item and opens what hides it. */
const shown = (model: Model, id: string): Next => {
  const log = logOf(model)
  if (log === undefined) return only(model)
  const { folds, tab } = model.reading
  const timeline = shownOf(model, log).timeline
  const opened = openTo(timeline, tab === "summary" ? "timeline" : tab, folds, id)
  return [
    { ...model, reading: { ...model.reading, folds: opened, here: id, follow: false, fresh: 0, wanted: undefined } },
    [{ _tag: "ScrollTo", id }]
  ]
}

const earlier = (model: Model): Next => {
  const session = sessionOf(model)
  const log = logOf(model)
  if (session === undefined || log === undefined || !log.partial || !log.caughtUp || log.staged !== undefined)
    return only(model)
  const asked = Math.max(PAGE, log.entries.length * GROWTH)
  const logs = new Map(model.logs).set(session.log, { ...log, staged: newLog(asked) })
  return [{ ...model, logs }, [{ _tag: "Watch", log: session.log, entries: asked, later: true }]]
}

/** Follows what the page needs, and no more. */
const watching = (model: Model): Next => {
  const wanted = new Map<string, number>()
  const open = sessionOf(model)
  if (open !== undefined) wanted.set(open.log, FIRST_PAGE)
  else if (model.route.page === "fleet" && model.indexRead) {
    const going = [...model.sessions.values()].filter(({ state }) => state !== "ended")
    const newest = going.sort((a, b) => b.told - a.told).slice(0, GLANCES)
    for (const { log } of newest) wanted.set(log, GLANCE)
    for (const log of model.fleet.inView) if (!wanted.has(log) && model.sessions.has(log)) wanted.set(log, LAST_WORDS)
  }
  const logs = new Map(model.logs)
  const effects: Array<Effect> = []
  for (const [id, entries] of wanted) {
    const known = logs.get(id)
    if (known?.caughtUp === true && known.count > 0) {
      // What the fleet has looked into stands at once, and the rest comes in its place.
      const enough = id === open?.log ? PAGE : entries
      if (!known.partial || known.staged !== undefined || known.entries.length >= enough) continue
      logs.set(id, { ...known, staged: newLog(enough) })
      effects.push({ _tag: "Watch", log: id, entries: enough })
      continue
    }
    if (known !== undefined && (known.asked === "all" || known.asked >= entries)) continue
    logs.set(id, newLog(entries))
    effects.push({ _tag: "Watch", log: id, entries })
  }
  for (const id of model.logs.keys()) {
    const session = model.sessions.get(id)
    // The fleet keeps looking into what it once looked into.
    if (wanted.has(id) || (open === undefined && session !== undefined && session.state !== "ended")) continue
    logs.delete(id)
    effects.push({ _tag: "Unwatch", log: id })
  }
  return [effects.length === 0 ? model : { ...model, logs }, effects]
}

const went = (model: Model, route: Route): Next => {
  const before = sessionOf(model)
  const moved: Model = { ...model, route, help: false }
  const session = sessionOf(moved)
  if (before !== undefined && before === session) {
    if (route.page !== "session" || route.event === undefined) return only(moved)
    return whole({ ...moved, reading: { ...moved.reading, wanted: route.event } }, session?.log ?? "")
  }
  const [next, effects] = watching({ ...moved, reading: readingOf(route) })
  const [last, more] = next.reading.wanted === undefined ? only(next) : whole(next, session?.log ?? "")
  return [last, [...effects, ...more]]
}

// Folds and search ---------------------------------------------------------------------------------------------------

const folded = (model: Model, folds: Folds): Model => ({ ...model, reading: { ...model.reading, folds } })

const found = (model: Model): Model => {
  const log = logOf(model)
  const { query, tab } = model.reading
  if (log === undefined || tab === "summary") return model
  return { ...model, reading: { ...model.reading, hits: hitsOf(shownOf(model, log).timeline, tab, query) } }
}
/** New events may hold what is looked for; without a query there is nothing to do. */
const withHits = (model: Model): Model => (model.reading.query === "" ? model : found(model))

const toHit = (model: Model): Next => {
  const id = model.reading.hits[model.reading.hit]
  if (id === undefined) return only(model)
  const [next, effects] = shown(model, id)
  return [folded(next, new Map(next.reading.folds).set(id, true)), effects]
}

/** What was cut, with all of it in its place. */
const restored = (model: Model, id: string): Model => {
  const log = logOf(model)
  const session = sessionOf(model)
  if (log === undefined || session === undefined) return model
  shownOf(model, log).timeline.restore(id)
  const reading = { ...model.reading, whole: new Set(model.reading.whole).add(id) }
  if (reading.replay !== undefined) reading.replay = { ...reading.replay, version: reading.replay.version + 1 }
  const logs = new Map(model.logs).set(session.log, { ...log, version: log.version + 1 })
  return { ...model, reading, logs }
}
/** What was asked for stays where a log was read again, from further back. */
const uncut = (model: Model, log: string): Model => {
  if (sessionOf(model)?.log === log) for (const id of model.reading.whole) logOf(model)?.timeline.restore(id)
  return model
}

// Replay -------------------------------------------------------------------------------------------------------------

const replayed = (model: Model, wanted: number): Next => {
  const log = logOf(model)
  if (log === undefined) return only(model)
  const at = Math.min(log.entries.length, Math.max(1, Math.round(wanted)))
  const before = model.reading.replay
  // Forward it grows; backward it is folded again from the start.
  const grows = before !== undefined && before.at <= at
  const timeline = grows ? before.timeline : makeTimeline(log.partial)
  for (let i = grows ? before.at : 0; i < at; i++) timeline.add(log.entries[i]!)
  const replay: Replay = {
    at,
    playing: before?.playing ?? false,
    speed: before?.speed ?? 4,
    timeline,
    version: (before?.version ?? 0) + 1,
    carry: 0
  }
  return [{ ...model, reading: { ...model.reading, replay, follow: false } }, [{ _tag: "ScrollToEnd" }]]
}

/** What was replayed stands further on in a log that has been read from further back. */
const replayMoved = (before: Log | undefined, model: Model): Model => {
  const log = logOf(model)
  const { replay } = model.reading
  const first = before?.entries[0]?.sequence
  if (replay === undefined || log === undefined || log.timeline === before?.timeline || first === undefined)
    return model
  const moved = log.entries.findIndex(({ sequence }) => sequence >= first)
  const forgotten = { ...model, reading: { ...model.reading, replay: undefined } }
  const [again] = replayed(forgotten, replay.at + Math.max(0, moved))
  return playing(again, { playing: replay.playing, speed: replay.speed })
}

const playing = (model: Model, change: Partial<Replay>): Model => {
  const { replay } = model.reading
  return replay === undefined ? model : { ...model, reading: { ...model.reading, replay: { ...replay, ...change } } }
}

const played = (model: Model, ms: number): Next => {
  const log = logOf(model)
  const { replay } = model.reading
  if (log === undefined || replay === undefined || !replay.playing) return only(model)
  let carry = replay.carry + ms * replay.speed
  let at = replay.at
  while (at < log.entries.length) {
    const step = stepOf(log.entries[at - 1], log.entries[at]!)
    if (step > carry) break
    carry -= step
    at++
  }
  if (at === replay.at) return only(playing(model, { carry }))
  const [next, effects] = replayed(model, at)
  return [playing(next, { carry, playing: at < log.entries.length }), effects]
}
