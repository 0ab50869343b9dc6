/**
 * Secrets never leave: every string of an event's data is searched for known shapes before it is sealed, and what is
 * found is replaced by a marker that says what it was. Names of fields are kept, bytes of blobs are not searched.
 */
import type { AgentEvent } from "../domain/AgentEvent.ts"
import { rules } from "./secrets.ts"

export interface Redacted {
  /** The same object where nothing was found. */
  readonly event: AgentEvent
  /** The rule of each replaced value. */
  readonly found: ReadonlyArray<string>
}

export const redact = (event: AgentEvent): Redacted => {
  const found: Array<string> = []
  const content = event.kind === "unrecognized" ? "original" : "data"
  const safe = walk(event.kind === "unrecognized" ? event.original : event.data, found)
  return found.length === 0 ? { event, found } : { event: { ...event, [content]: safe } as AgentEvent, found }
}

/** One text without its secrets, for what is told of a session outside its events. */
export const redactText = (text: string): string => replace(text, [])

/** The same value where nothing was found in it. */
const walk = (value: unknown, found: Array<string>): unknown => {
  if (typeof value === "string") return replace(value, found)
  if (Array.isArray(value)) {
    const inner = value.map((one) => walk(one, found))
    return inner.some((one, n) => one !== value[n]) ? inner : value
  }
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value
  const fields = Object.entries(value).map(([name, one]) => [name, walk(one, found), one] as const)
  // `fromEntries` also keeps a field that is called `__proto__`.
  return fields.some(([, after, before]) => after !== before)
    ? Object.fromEntries(fields.map(([name, after]) => [name, after]))
    : value
}

const replace = (text: string, found: Array<string>): string => {
  let safe = text
  for (const { hints, name, pattern } of rules) {
    if (!hints.some((hint) => safe.includes(hint))) continue
    safe = safe.replace(pattern, (...match) => {
      found.push(name)
      const groups: Record<string, string | undefined> = typeof match.at(-1) === "object" ? match.at(-1) : {}
      const before = groups.before ?? groups.also ?? ""
      return `${before}${groups.quote ?? ""}[redacted:${name}]${groups.after ?? ""}`
    })
  }
  return safe
}
