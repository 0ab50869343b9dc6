/**
 * What a session cost, without counting anything twice. Sources tell it in three ways that overlap: per API message
 * (again with each of its records, growing), per turn, and as a total so far.
 */
import type { Figures } from "./AuditEvent.ts"

/** Tokens that were new: what was read from a cache is left out, since each call reads it again. */
export const tokensOf = ({ cacheWrite = 0, input = 0, output = 0 }: Figures) => input + output + cacheWrite

/** `time` is the event's, in milliseconds since 1970: a source that lags behind another tells of turns that are over. */
export interface Spending {
  readonly turnStarted: (time: number) => void
  /** `key` is the event's: the same end told again replaces what it said. */
  readonly turnEnded: (key: string, time: number, figures: Figures | undefined) => void
  /** `id` is the API message, or the event's key. */
  readonly used: (id: string, time: number, figures: Figures) => void
  /** A message of another session, which the agent copied into this one: it counts there, and totals here include it. */
  readonly copied: (id: string, time: number, figures: Figures) => void
  /** Of everything so far. */
  readonly totalled: (figures: Figures) => void
  readonly total: () => Figures
  /** Of the turn that is open, or ended last. */
  readonly turn: () => Figures
}

type Sum = { -readonly [Name in keyof Figures]: Figures[Name] }

interface Turn {
  /** Milliseconds since 1970, of its earliest message. */
  since: number
  /** Milliseconds since 1970. */
  endedAt: number | undefined
  readonly messages: Map<string, Figures>
  readonly used: Sum
  readonly ends: Map<string, Figures>
  readonly told: Sum
}

const NAMES = ["input", "output", "cacheRead", "cacheWrite", "costUsd"] as const

export const makeSpending = (): Spending => {
  let now = newTurn()
  const turns = [now]
  /** The turn of each message and each end that was told: a late repeat belongs there. */
  const homes = new Map<string, Turn>()
  const copies = new Map<string, Figures>()
  let atLeast: Figures = {}

  const begin = () => {
    now = newTurn()
    turns.push(now)
  }

  /** The turn that was open then, if it is over. */
  const overAt = (time: number) => turns.find(({ endedAt = 0 }) => time < endedAt)

  return {
    turnStarted: (time) => {
      if (overAt(time) !== undefined) return
      // A source that lags behind tells that this one began, after another told its first messages.
      if (now.endedAt === undefined && time <= now.since) return
      if (now.endedAt !== undefined || now.messages.size > 0) begin()
    },
    turnEnded: (key, time, figures) => {
      const turn = homes.get(`end:${key}`) ?? now
      homes.set(`end:${key}`, turn)
      turn.endedAt = Math.max(turn.endedAt ?? time, time)
      if (figures === undefined) return
      change(turn.told, turn.ends.get(key), figures)
      turn.ends.set(key, figures)
    },
    used: (id, time, figures) => {
      const known = homes.get(id) ?? overAt(time)
      // Not every source tells that a turn began.
      if (now.endedAt !== undefined && known === undefined) begin()
      const turn = known ?? now
      homes.set(id, turn)
      turn.since = Math.min(turn.since, time)
      const before = turn.messages.get(id)
      const after = larger(before, figures)
      change(turn.used, before, after)
      turn.messages.set(id, after)
    },
    copied: (id, _, figures) => void copies.set(id, larger(copies.get(id), figures)),
    totalled: (figures) => {
      atLeast = larger(atLeast, figures)
    },
    total: () => {
      const total: Sum = {}
      for (const turn of turns) change(total, undefined, spentIn(turn))
      return larger(copies.size === 0 ? atLeast : without(atLeast, copies.values()), total)
    },
    turn: () => spentIn(now)
  }
}

const newTurn = (): Turn => ({
  since: Number.POSITIVE_INFINITY,
  endedAt: undefined,
  messages: new Map(),
  used: {},
  ends: new Map(),
  told: {}
})

/** A turn's own figures count what its messages leave out (subagents, compactions), so they come first. */
const spentIn = ({ told, used }: Turn): Figures => ({ ...used, ...told })

/** Adds to `sum` what `after` says more than `before` did. */
const change = (sum: Sum, before: Figures | undefined, after: Figures) => {
  for (const name of NAMES) {
    const value = after[name]
    if (value !== undefined) sum[name] = (sum[name] ?? 0) + value - (before?.[name] ?? 0)
  }
}

/** Its tokens: what was copied tells no price, so none is left. */
const without = ({ costUsd: _, ...all }: Figures, parts: Iterable<Figures>): Figures => {
  const rest: Sum = { ...all }
  for (const part of parts)
    for (const name of NAMES) if (rest[name] !== undefined) rest[name] = Math.max(0, rest[name] - (part[name] ?? 0))
  return rest
}

/** Records of one API message repeat its figures and grow: the largest is true (Claude Code 2.0 to 2.1, 1,345 of 1,345). */
const larger = (a: Figures | undefined, b: Figures): Figures => {
  const both: Sum = { ...a }
  for (const name of NAMES) {
    const value = b[name]
    if (value !== undefined) both[name] = Math.max(both[name] ?? value, value)
  }
  return both
}
