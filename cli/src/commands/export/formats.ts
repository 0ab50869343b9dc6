/** The forms in which sessions are written out. A new one is a function here. */
import type { SessionProof } from "agent-sync"
import type { AgentEvent, Origin, State } from "agent-sync/events"
import { isoOf } from "../../Terminal.ts"

/** A session with what it is called, and all its events in order. */
export interface Exported {
  readonly tenant: string
  readonly session: string
  readonly origin: Origin
  readonly title: string | undefined
  readonly state: State
  /** Milliseconds since 1970. */
  readonly startedAt: number
  readonly events: ReadonlyArray<AgentEvent>
  /** Also what a later event updated. */
  readonly history: boolean
  /** Where the file is to carry it. */
  readonly proof: SessionProof | undefined
}

/** The text of a session, ending in a newline. */
export type Format = (session: Exported) => string

const SCHEMA = 1

/** A line for the session, then one for each event; bytes of a blob are base64. */
const jsonl: Format = ({ events, origin, session, startedAt, state, tenant, title }) => {
  const about = { schema: SCHEMA, tenant, session, agent: origin.agent }
  const { session: _, agent: _agent, ...more } = origin
  const head = { ...about, kind: "session", ...more, title, state, startedAt: isoOf(startedAt) }
  const rows = events.map((event) => {
    const { group, key, kind, time, ...rest } = event
    const isUnknown = event.kind === "unrecognized"
    return {
      ...about,
      time: isoOf(time),
      group,
      kind: isUnknown ? event.original.kind : kind,
      key,
      ...rest,
      ...(isUnknown ? { original: undefined, data: event.original.data } : {})
    }
  })
  return [head, ...rows].map((row) => `${JSON.stringify(row, bytesAsText)}\n`).join("")
}

const bytesAsText = (_: string, value: unknown) =>
  value instanceof Uint8Array ? Buffer.from(value).toString("base64") : value

/** By name; what draws is loaded when it is asked for. */
export const formats: Readonly<Record<string, () => Promise<Format>>> = {
  jsonl: async () => jsonl,
  html: async () => (await import("./drawn.ts")).html,
  md: async () => (await import("./drawn.ts")).md
}
/** Of these, one file holds one session. */
export const isDocument = (format: string): boolean => format === "html"
