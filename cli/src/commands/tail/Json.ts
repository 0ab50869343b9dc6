/** `tail --json`: one object a line, nothing joined, nothing cut; what changes the meaning of the data is among it. */
import type { KnownSession, Notice, OpenedEntry } from "agent-sync"
import type { AgentEvent } from "agent-sync/events"
import { isoOf } from "../../Terminal.ts"
import type { Filter } from "./Filter.ts"
import type { Printer } from "./Printer.ts"

const SCHEMA = 1

/** What concerns only the connection is said on stderr, as objects too. */
export const jsonPrinter = (tenant: string, filter: Filter): Printer => ({
  known: () => {},
  entries: (session, entries) =>
    entries.flatMap((entry) => {
      const text = eventLine(tenant, session, entry)
      const event = entry.content._tag === "Event" ? entry.content.event : undefined
      if (text === undefined || (event !== undefined && !keeps(filter, session.log, event, text))) return []
      return [{ time: event?.time ?? 0, text }]
    }),
  notice: (session, notice) => [{ time: Date.now(), text: noticeLine(tenant, session, notice) }],
  status: (status, now) => {
    switch (status._tag) {
      case "Offline": {
        const since = new Date(Date.now() - (now - status.since)).toISOString()
        const retryMs = Math.round(Math.max(0, status.retryAt - now))
        return [{ time: 0, text: line({ schema: SCHEMA, notice: "offline", since, retryMs, reason: status.why }) }]
      }
      case "Live":
        return [{ time: 0, text: line({ schema: SCHEMA, notice: "live" }) }]
      default:
        return []
    }
  },
  tick: () => [],
  end: () => [],
  live: () => undefined,
  entriesFor: (lines) => lines
})

/** Which tool each call is of, by log: only its start says so. */
const tools = new Map<string, string>()

const keeps = (filter: Filter, log: string, event: AgentEvent, text: string) => {
  if (event.kind === "tool_started") tools.set(`${log} ${event.data.call}`, event.data.name)
  const call =
    event.kind !== "unrecognized" && "call" in event.data && typeof event.data.call === "string"
      ? event.data.call
      : undefined
  const tool = call === undefined ? undefined : tools.get(`${log} ${call}`)
  const kind = event.kind === "unrecognized" ? event.original.kind : event.kind
  return filter.keeps({ time: event.time, kind, group: event.group, tool, text })
}

/** The line of an event; undefined for entries that are no event, such as a log's header. */
const eventLine = (tenant: string, session: KnownSession, { content, sequence }: OpenedEntry) => {
  const about = { schema: SCHEMA, tenant, session: session.alias ?? session.origin.session, sequence }
  switch (content._tag) {
    case "Event": {
      const { event } = content
      const { group, key, parent, source, subagent, time } = event
      const unknown = event.kind === "unrecognized"
      return line({
        ...about,
        time: isoOf(time),
        agent: source.agent,
        group,
        kind: unknown ? event.original.kind : event.kind,
        key,
        ...(parent === undefined ? {} : { parent }),
        ...(subagent === undefined ? {} : { subagent }),
        data: unknown ? event.original.data : event.data
      })
    }
    case "Foreign":
      return line({ ...about, event: content.plain.event, key: content.plain.primaryKey })
    case "Unreadable":
      return line({ ...about, notice: "unreadable", reason: content.why })
    default:
      return undefined
  }
}

const noticeLine = (tenant: string, session: KnownSession | undefined, notice: Notice) => {
  const about = {
    schema: SCHEMA,
    tenant,
    ...(session === undefined ? {} : { session: session.alias ?? session.origin.session })
  }
  switch (notice._tag) {
    case "Unopened":
      return line({ ...about, notice: "unopened", from: notice.from, to: notice.to, reason: notice.why.reason })
    case "Gap":
      return line({ ...about, notice: "gap", from: notice.from, to: notice.to })
    case "Replaced":
      return line({ ...about, notice: "replaced" })
    case "Missing":
      return line({ ...about, notice: "missing", before: notice.sequence, count: notice.count })
    case "Forked":
      return line({ ...about, notice: "forked", at: notice.sequence })
    case "Refused":
      return line({ ...about, notice: notice.refusal.code, reason: notice.refusal.reason })
  }
}

/** Bytes of a blob are written as base64. */
const line = (fields: Readonly<Record<string, unknown>>) =>
  JSON.stringify(fields, (_, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString("base64") : value
  )
