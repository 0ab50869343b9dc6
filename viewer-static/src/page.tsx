/** @jsxImportSource preact */
/**
 * The page at work, the one place with effects: what the source tells and people do goes through `update`, at most one drawing
 * a frame; what `update` asks for is done here.
 */
import { VERSION } from "agent-sync/browser"
import { render } from "preact"
import { titleOf } from "./fleet.ts"
import { wishOf } from "./keys.ts"
import { isOpening, type Model, sessionOf } from "./Model.ts"
import type { Connect, Source } from "./Source.ts"
import type { Row } from "./timeline/rows.ts"
import { type Effect, logOf, type Message, update } from "./update.ts"
import { App } from "./view/App.tsx"
import type { Scroller } from "./view/List.tsx"

/** Milliseconds between drawings while events stream in. */
const STREAM_MS = 100
/** Milliseconds in which a page that opens draws nothing: mostly what it is about is there before that. */
const OPENING_MS = 200

export const openPage = (options: {
  readonly model: Model
  readonly connect: Connect | undefined
  readonly root: Element
}) => {
  let model = options.model
  /** A drawing that is due; `undefined` where none is. */
  let due: { readonly soon: boolean; readonly cancel: () => void } | undefined
  let drawnAt = 0
  let opening = true
  let source: Source | undefined
  const scroller: { current: Scroller | undefined } = { current: undefined }
  const drawn: { current: ReadonlyArray<Row> } = { current: [] }
  /** What needs the new rows on the page. */
  let afterDrawing: Array<() => void> = []

  const send = (message: Message) => {
    const [next, effects] = update(model, message)
    const changed = next !== model
    model = next
    for (const effect of effects) carryOut(effect)
    if (changed) plan(message._tag !== "Entries")
  }

  /** What a reader does is drawn in the next frame; events that stream in, a few times a second. */
  const plan = (soon: boolean) => {
    if (opening && isOpening(model)) return
    if (due !== undefined && (due.soon || !soon)) return
    due?.cancel()
    const wait = document.hidden ? 200 : soon ? 0 : Math.max(0, drawnAt + STREAM_MS - performance.now())
    if (wait > 0) {
      const timer = setTimeout(() => (document.hidden ? draw() : requestAnimationFrame(draw)), wait)
      due = { soon, cancel: () => clearTimeout(timer) }
    } else {
      const frame = requestAnimationFrame(draw)
      due = { soon: true, cancel: () => cancelAnimationFrame(frame) }
    }
  }

  const draw = () => {
    due = undefined
    drawnAt = performance.now()
    render(<App model={model} send={send} scroller={scroller} drawn={drawn} hands={hands} />, options.root)
    document.title = pageTitle(model)
    const steps = afterDrawing
    afterDrawing = []
    for (const step of steps) step()
    markHits(model)
  }

  const carryOut = (effect: Effect) => {
    switch (effect._tag) {
      case "Watch":
        if (effect.later !== true) return source?.watch(effect.log, effect.entries)
        afterDrawing.push(() =>
          setTimeout(() => {
            // The reader may have gone elsewhere meanwhile.
            if (model.logs.get(effect.log)?.staged?.asked === effect.entries) source?.watch(effect.log, effect.entries)
          })
        )
        return
      case "Unwatch":
        return source?.unwatch(effect.log)
      case "ScrollTo":
        afterDrawing.push(() => scroller.current?.toRow(effect.id))
        return
      case "ScrollToEnd":
        afterDrawing.push(() => scroller.current?.toEnd())
    }
  }

  /** Waits until a session is here from its beginning; a hub that is away is not waited for. */
  const allOf = async (log: string | undefined) => {
    const isPart = () => log !== undefined && sessionOf(model)?.log === log && logOf(model)?.partial === true
    if (isPart()) toast("Reading the whole session")
    while (isPart() && model.connection._tag === "Live") {
      send({ _tag: "AtStart" })
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }

  const toast = (text: string) => {
    send({ _tag: "Toast", text })
    setTimeout(() => model.toast === text && send({ _tag: "Toast", text: undefined }), 2_500)
  }
  const copy = (text: string) => {
    navigator.clipboard.writeText(text).then(
      () => toast("Copied"),
      () => toast("The browser did not allow copying")
    )
  }
  const hands = {
    copy,
    theme: switchTheme,
    retry: () => source?.retryNow(),
    export: async (format: "html" | "md", proof = false) => {
      const session = sessionOf(model)
      await allOf(session?.log)
      const log = logOf(model)
      if (session === undefined || log === undefined || sessionOf(model) !== session) return
      const { provenHtml, sessionHtml, sessionMarkdown } = await import("./export/index.ts")
      const about = { title: titleOf(session, log), timeline: log.timeline, partial: log.partial, now: Date.now() }
      const name = about.title
        .replace(/[^\p{L}\p{N}]+/gu, "-")
        .slice(0, 60)
        .toLowerCase()
      if (format === "md") return save(`${name}.md`, "text/markdown", sessionMarkdown(about))
      const { default: css } = await import("#viewer/style")
      if (!proof || source?.sealed === undefined)
        return save(`${name}.html`, "text/html", sessionHtml({ ...about, css }))
      const sealed = await source.sealed(session.log).catch(() => undefined)
      if (sealed === undefined)
        return toast("The hub did not give the sealed entries. Save without proof, or try again.")
      const zone = Intl.DateTimeFormat().resolvedOptions().timeZone
      const shown = {
        session: session.alias ?? session.origin.session,
        now: about.now,
        zone,
        history: false,
        version: VERSION
      }
      save(`${name}.html`, "text/html", provenHtml(sealed, shown, css))
      toast("Saved with its proof and the key that opens it: agent-sync verify FILE")
    }
  }

  // Address ----------------------------------------------------------------------------------------------------------

  addEventListener("hashchange", () => send({ _tag: "Went", route: routeOf(location.hash) }))

  // Keys -------------------------------------------------------------------------------------------------------------

  const focus = (id: string) => {
    const element = () => document.getElementById(`row-${id}`)
    if (element() === null) scroller.current?.toRow(id)
    // A row far away is drawn a moment after it has been scrolled to.
    let tries = 10
    const attempt = () => {
      const found = element()
      if (found === null) return void (tries-- > 0 && requestAnimationFrame(attempt))
      found.focus({ preventScroll: true })
      found.scrollIntoView({ block: "nearest" })
    }
    attempt()
  }
  const fleetRows = () => [...document.querySelectorAll(".fleet .row")].map(({ id }) => id.slice("row-".length))
  addEventListener("keydown", (event) => {
    const { target } = event
    if (!(target instanceof HTMLElement)) return
    const typing = target.matches("input, select, textarea")
    if (event.key === "Escape" && typing) {
      if (model.route.page === "session") send({ _tag: "Find", query: "" })
      else send({ _tag: "Fleet", fleet: { query: "" } })
      return target.blur()
    }
    if (event.key === "Enter" && target.id === "find" && model.route.page === "session") {
      event.preventDefault()
      return send({ _tag: "NextHit", by: event.shiftKey ? -1 : 1 })
    }
    if (typing || event.ctrlKey || event.altKey || event.metaKey) return
    if (!model.singleKeys && event.key !== "Escape") return
    // These have a meaning of their own where they stand.
    if ((event.key === "Enter" || event.key === " ") && target.closest("a, button, summary, [role=slider]") !== null)
      return
    const wish = wishOf(model, event.key, { rows: drawn.current, fleet: fleetRows() })
    if (wish._tag === "Nothing") return
    event.preventDefault()
    switch (wish._tag) {
      case "Send":
        if (wish.message._tag === "Help" && wish.message.open)
          afterDrawing.push(() => document.getElementById("close-keys")?.focus())
        return send(wish.message)
      case "GoTo":
        location.hash = wish.hash
        return
      case "Focus":
        if (model.reading.follow) send({ _tag: "Follow", follow: false })
        return focus(wish.id)
      case "Find":
        // It comes into view by itself, where the reader is.
        return document.getElementById("find")?.focus({ preventScroll: model.route.page === "session" })
      case "CopyLink": {
        const session = sessionOf(model)
        if (session === undefined) return
        const place = new URLSearchParams({ session: session.log, event: wish.id })
        navigator.clipboard.writeText(`${location.origin}${location.pathname}#${place}`).then(
          () => toast("Link copied; it holds no key"),
          () => toast("The browser did not allow copying")
        )
      }
    }
  })

  // Time -------------------------------------------------------------------------------------------------------------

  setInterval(() => document.hidden || send({ _tag: "Ticked", now: Date.now() }), 1_000)
  document.addEventListener("visibilitychange", () => document.hidden || send({ _tag: "Ticked", now: Date.now() }))
  let before = performance.now()
  setInterval(() => {
    const now = performance.now()
    if (model.reading.replay?.playing === true) send({ _tag: "Played", ms: Math.min(1_000, now - before) })
    before = now
  }, 50)

  source = options.connect?.(send)
  plan(true)
  setTimeout(() => {
    opening = false
    plan(true)
  }, OPENING_MS)
}

export const routeOf = (hash: string): Model["route"] => {
  const place = new URLSearchParams(hash.replace(/^#/, ""))
  const session = place.get("session")
  return session === null ? { page: "fleet" } : { page: "session", session, event: place.get("event") ?? undefined }
}

const pageTitle = (model: Model): string => {
  if (model.connection._tag === "Refused") return "Refused, agent-sync"
  const waiting = [...model.logs.values()].filter(({ timeline }) => timeline.session.state === "waiting").length
  const session = sessionOf(model)
  const name = session === undefined ? "Sessions" : titleOf(session, logOf(model))
  return `${waiting > 0 ? `(${waiting}) ` : ""}${name}, agent-sync`
}

const save = (name: string, type: string, text: string) => {
  const url = URL.createObjectURL(new Blob([text], { type }))
  const link = document.createElement("a")
  link.href = url
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}

const switchTheme = () => {
  const root = document.documentElement
  const dark =
    root.dataset.theme === undefined
      ? matchMedia("(prefers-color-scheme: dark)").matches
      : root.dataset.theme === "dark"
  root.dataset.theme = dark ? "light" : "dark"
  try {
    localStorage.setItem("theme", root.dataset.theme)
  } catch {
    // A browser that keeps nothing keeps the choice for this page only.
  }
}
export const restoreTheme = () => {
  try {
    const theme = localStorage.getItem("theme")
    if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme
  } catch {
    // As above: the system's choice holds.
  }
}

/** Marks what is looked for in the rows that are drawn, without touching them. */
const markHits = (model: Model) => {
  if (!("highlights" in CSS)) return
  const wanted = model.route.page === "session" ? model.reading.query.trim().toLowerCase() : ""
  if (wanted === "") return void CSS.highlights.delete("hit")
  const ranges: Array<Range> = []
  const log = document.querySelector(".log")
  const walker = log === null ? undefined : document.createTreeWalker(log, NodeFilter.SHOW_TEXT)
  for (
    let node = walker?.nextNode();
    node !== null && node !== undefined && ranges.length < 500;
    node = walker?.nextNode()
  ) {
    const text = node.textContent?.toLowerCase() ?? ""
    for (let at = text.indexOf(wanted); at !== -1; at = text.indexOf(wanted, at + wanted.length)) {
      const range = new Range()
      range.setStart(node, at)
      range.setEnd(node, Math.min(at + wanted.length, node.textContent?.length ?? 0))
      ranges.push(range)
    }
  }
  CSS.highlights.set("hit", new Highlight(...ranges))
}
