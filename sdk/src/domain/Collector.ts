/** A session's events as a list: each once, as its latest and best source told it, in the order in which they first came. */
import type { AgentEvent } from "./AgentEvent.ts"
import { makeSession } from "./Session.ts"

/** Takes events as they come, answers them as they hold. */
export interface Collector {
  /** `writer` is the hex of who wrote it, where several write. */
  readonly add: (event: AgentEvent, writer?: string) => void
  readonly events: () => ReadonlyArray<AgentEvent>
}

/** `history`: also what a later event updated, as it came. */
export const makeCollector = (history = false): Collector => {
  const fold = makeSession()
  const events = new Map<string, AgentEvent>()
  let entries = 0
  return {
    add: (event, writer) => {
      const place = history ? String(entries++) : `${event.kind} ${event.key}`
      if (fold.add(event, writer) !== "kept" || history) events.set(place, event)
    },
    events: () => [...events.values()]
  }
}
