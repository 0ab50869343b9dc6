/** What a key does, as a message or a wish. Single keys are off in inputs, with Ctrl, Alt or Meta, and where the reader switched them off. */
import { groupsOf, rowsOfFleet, standing } from "./fleet.ts"
import { type Model, sessionOf } from "./Model.ts"
import type { Row, Tab } from "./timeline/rows.ts"
import type { Message } from "./update.ts"

export type Wish =
  | { readonly _tag: "Send"; readonly message: Message }
  | { readonly _tag: "GoTo"; readonly hash: string }
  /** Real focus, so that a screen reader follows. */
  | { readonly _tag: "Focus"; readonly id: string }
  | { readonly _tag: "Find" }
  | { readonly _tag: "CopyLink"; readonly id: string }
  | { readonly _tag: "Nothing" }

const NOTHING: Wish = { _tag: "Nothing" }
const send = (message: Message): Wish => ({ _tag: "Send", message })
const TABS: Readonly<Record<string, Tab>> = { "1": "timeline", "2": "chat", "3": "artifacts", "4": "audit" }

/** `rows`: those of the session that is open; `fleet`: the logs of the fleet's rows. Both as they stand on the page. */
export const wishOf = (
  model: Model,
  key: string,
  { fleet, rows }: { readonly rows: ReadonlyArray<Row>; readonly fleet: ReadonlyArray<string> }
): Wish => {
  if (key === "?") return send({ _tag: "Help", open: !model.help })
  if (key === "Escape" && model.help) return send({ _tag: "Help", open: false })
  if (model.help) return NOTHING
  if (key === "/") return { _tag: "Find" }
  if (key === "w") {
    const [waiting] = rowsOfFleet(model).filter(
      ({ log, state }) => state === "waiting" && log !== sessionOf(model)?.log
    )
    return waiting === undefined ? NOTHING : { _tag: "GoTo", hash: `session=${encodeURIComponent(waiting.log)}` }
  }
  return model.route.page === "fleet" ? inFleet(model, key, fleet) : inSession(model, key, rows)
}

const inFleet = (model: Model, key: string, ids: ReadonlyArray<string>): Wish => {
  const at = ids.indexOf(model.fleet.here ?? "")
  const to = { j: at + 1, k: at - 1, g: 0, G: ids.length - 1 }[key]
  if (to === undefined) return NOTHING
  // At the last of those that stand, more of them come, and the same key goes on.
  const groups = groupsOf(rowsOfFleet(model), model.fleet, model.now)
  if (at !== -1 && at === ids.length - 1 && to >= at && standing(groups, model.fleet).length < groups.earlier.length) {
    return send({ _tag: "Fleet", fleet: { pages: model.fleet.pages + 1 } })
  }
  const id = ids[Math.min(ids.length - 1, Math.max(0, to))]
  return id === undefined ? NOTHING : { _tag: "Focus", id }
}

const inSession = (model: Model, key: string, rows: ReadonlyArray<Row>): Wish => {
  const { here, replay } = model.reading
  const known = rows.findIndex(({ id }) => id === here)
  const at = known === -1 ? rows.length : known
  const focus = (row: Row | undefined): Wish => (row === undefined ? NOTHING : { _tag: "Focus", id: row.id })
  const row = rows[known]
  const next = (is: (row: Row) => boolean) => focus(rows.find((one, i) => i > known && is(one)))
  const before = (is: (row: Row) => boolean) => focus(rows.findLast((one, i) => i < at && is(one)))
  const tab = TABS[key]
  if (tab !== undefined) return send({ _tag: "Tab", tab })
  switch (key) {
    case "j":
      return focus(rows[Math.min(rows.length - 1, known + 1)])
    case "k":
      return focus(rows[Math.max(0, at - 1)])
    case "J":
      return next(isPrompt)
    case "K":
      return before(isPrompt)
    case "e":
      return next(failed)
    case "E":
      return before(failed)
    case "g":
      return model.logs.get(sessionOf(model)?.log ?? "")?.partial === true && replay === undefined
        ? send({ _tag: "ToStart" })
        : focus(rows[0])
    case "G":
      return send({ _tag: "Follow", follow: true })
    case "Enter":
      return row === undefined || row._tag === "Day" ? NOTHING : send({ _tag: "Folded", id: row.id, open: !row.open })
    case "x": {
      const from = rows.findLastIndex((one, i) => i <= at && isPrompt(one))
      const end = rows.findIndex((one, i) => i > Math.max(from, at) && isPrompt(one))
      const turn = rows.slice(Math.max(0, from), end === -1 ? rows.length : end).filter((one) => one._tag !== "Day")
      const open = turn.some((one) => !one.open)
      return send({ _tag: "FoldedAll", ids: turn.map(({ id }) => id), open })
    }
    case "r":
      return row === undefined ? NOTHING : send({ _tag: "Raw", id: row.id })
    case "y":
      return row === undefined ? NOTHING : { _tag: "CopyLink", id: row.id }
    case " ":
      return send(replay?.playing === true ? { _tag: "Pause" } : { _tag: "Play" })
    case ",":
      return send({ _tag: "ReplayBy", by: -1 })
    case ".":
      return send({ _tag: "ReplayBy", by: 1 })
    case "u":
      return { _tag: "GoTo", hash: "" }
    case "n":
      return send({ _tag: "NextHit", by: 1 })
    default:
      return NOTHING
  }
}

const isPrompt = (row: Row) => row._tag === "Item" && row.item._tag === "Prompt"
const failed = (row: Row) =>
  row._tag === "Item" &&
  ((row.item._tag === "Call" && row.item.state === "failed") || (row.item._tag === "Trouble" && row.item.bad))
