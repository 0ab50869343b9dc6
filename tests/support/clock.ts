/** A clock that a test rules: time moves only when told, and promises settle in between. */
import type { Timers } from "../../sdk/src/sync/Link.ts"

export interface Clock extends Timers {
  /** Runs everything due in the next `ms` milliseconds, in order. */
  readonly advance: (ms: number) => Promise<void>
  /** How many timers wait. */
  readonly waiting: () => number
}

export const makeClock = (): Clock => {
  let now = 0
  let order = 0
  const due = new Set<{ readonly at: number; readonly order: number; readonly run: () => void }>()
  const settle = async () => {
    for (let i = 0; i < 30; i++) await Promise.resolve()
  }
  return {
    now: () => now,
    random: () => 0.5,
    after: (ms, run) => {
      const entry = { at: now + Math.max(0, ms), order: order++, run }
      due.add(entry)
      return { cancel: () => void due.delete(entry) }
    },
    waiting: () => due.size,
    advance: async (ms) => {
      const until = now + ms
      await settle()
      for (;;) {
        const [next] = [...due].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at || a.order - b.order)
        if (next === undefined) break
        due.delete(next)
        now = next.at
        next.run()
        await settle()
      }
      now = until
      await settle()
    }
  }
}
