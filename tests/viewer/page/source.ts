/** A source without a hub: sessions of the fixtures, told in pages as a reader of a tenant would tell them. */
import { type AgentEvent, decode, encodeEvent, type SessionId, type State } from "agent-sync/events"
import type { Connect, Entry, Listed, Told } from "../../../viewer-static/src/Source.ts"
import { hostile, lastWords, long, many, work } from "./events.ts"

export type Fixture = "work" | "many" | "long" | "hostile" | "empty" | "wrongkey" | "refused" | "offline" | "fleet"
export const fixtures: ReadonlyArray<Fixture> = [
  "work",
  "many",
  "long",
  "hostile",
  "empty",
  "wrongkey",
  "refused",
  "offline",
  "fleet"
]

export const entriesOf = (events: ReadonlyArray<AgentEvent>, from = 1): ReadonlyArray<Entry> =>
  events.map((event, at) => ({ sequence: from + at, writer: "w1", content: decode(encodeEvent(event)) }))

interface Made {
  readonly listed: Listed
  readonly entries: Array<Entry>
}

/** `whole`: a log is told from its beginning, however few were asked for. */
export const madeUp = (fixture: Fixture, count: number, whole = false) => {
  const now = Date.now()
  const made = new Map<string, Made>()
  const watched = new Set<string>()
  let tell: (told: Told) => void = () => {}
  const put = (
    log: string,
    title: string,
    state: State,
    events: ReadonlyArray<AgentEvent>,
    more: Partial<Listed> = {},
    branch = "main"
  ) =>
    made.set(log, {
      entries: [...entriesOf(events)],
      listed: {
        log,
        origin: {
          session: `062a8bdd-4322-${log}` as SessionId,
          agent: "claude-code",
          agentName: "Claude Code",
          cwd: "/home/alex/code/cli",
          host: "studio",
          branch
        },
        startedAt: events[0]?.time ?? now,
        title,
        state,
        told: events.at(-1)?.time ?? now,
        alias: undefined,
        figures: undefined,
        ...more
      }
    })
  const main =
    fixture === "hostile"
      ? hostile(now)
      : fixture === "many"
        ? many(now, count)
        : fixture === "long"
          ? long(now)
          : work(now)
  if (fixture !== "empty" && fixture !== "wrongkey" && fixture !== "refused") {
    const title =
      fixture === "hostile"
        ? "<script>window.pwned=1</script>"
        : fixture === "many"
          ? "Many events"
          : "Session end hooks for Claude and Gemini"
    put(
      "main",
      title,
      fixture === "many" ? "running" : "waiting",
      main,
      fixture === "many" ? {} : { figures: { input: 41_000, output: 52_000, cacheWrite: 1_800_000, costUsd: 4.12 } },
      "mark-sessions-as-closed"
    )
    put("second", "Set up Credo, Dialyxir and mix_audit", "running", many(now, 40))
    put("third", "Audit of outdated licences", "failed", [], {
      told: now - 960_000,
      figures: { input: 34_000, costUsd: 0.09 }
    })
    for (let i = 0; i < (fixture === "fleet" ? 1_000 : 12); i++) {
      put(
        `old${i}`,
        `Tidy the changelog for 0.${i}`,
        "ended",
        fixture === "fleet" ? lastWords(now - i * 3_600_000, `It said this at the end, in 0.${i}`) : [],
        {
          told: now - 50_000_000 - i * 3_600_000,
          figures: { input: 52_000 + i, costUsd: 0.11 }
        }
      )
    }
  }
  const told = (log: string, entries: ReadonlyArray<Entry>, partial: boolean) => {
    for (let at = 0; at < entries.length; at += 500) {
      const page = entries.slice(at, at + 500)
      setTimeout(() => watched.has(log) && tell({ _tag: "Entries", log, entries: page, partial }))
    }
    setTimeout(() => tell({ _tag: "CaughtUp", log }))
  }
  const connect: Connect = (into) => {
    tell = into
    setTimeout(() => {
      if (fixture === "refused")
        return tell({
          _tag: "Connection",
          connection: {
            _tag: "Refused",
            error: "The token expired on 21 Nov at 18:00.",
            fix: "Get a new token from whoever runs this hub."
          }
        })
      if (fixture === "offline") {
        tell({
          _tag: "Connection",
          connection: { _tag: "Offline", since: now, retryAt: now + 8_000, why: "Connection refused." }
        })
        return
      }
      tell({ _tag: "Connection", connection: { _tag: "Live" } })
      for (const { listed } of made.values()) tell({ _tag: "Listed", session: listed })
      tell(fixture === "wrongkey" ? { _tag: "WrongKey" } : { _tag: "IndexRead" })
    })
    return {
      watch: (log, entries) => {
        watched.add(log)
        const all = made.get(log)?.entries ?? []
        const newest = entries === "all" || whole ? all : all.slice(-entries)
        told(log, newest, newest.length < all.length)
      },
      unwatch: (log) => watched.delete(log),
      retryNow: () => tell({ _tag: "Connection", connection: { _tag: "Connecting" } }),
      stop: () => {}
    }
  }
  return {
    connect,
    tell: (one: Told) => tell(one),
    /** The index says that a session stands otherwise, and its log says nothing. */
    state: (log: string, state: State) => {
      watched.delete(log)
      tell({ _tag: "Listed", session: { ...made.get(log)!.listed, state } })
    },
    /** New events of the main session, as they would come live. */
    push: (texts: ReadonlyArray<string>) => {
      const { entries } = made.get("main")!
      const events = texts.map(
        (text, at): AgentEvent => ({
          key: `live${entries.length + at}`,
          time: Date.now(),
          timeFrom: "source",
          source: { agent: "claude-code", format: "stream-json" },
          position: entries.length + at,
          group: "chat",
          kind: "message",
          data: { role: "assistant", parts: [{ type: "text", text }] }
        })
      )
      const fresh = entriesOf(events, entries.length + 1)
      entries.push(...fresh)
      tell({ _tag: "Entries", log: "main", entries: fresh, partial: false })
    }
  }
}
