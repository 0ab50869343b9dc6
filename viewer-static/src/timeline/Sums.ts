/** What a session comes to: by turn, by tool, by file. Grows with its timeline. */
import type { AgentEvent, EventOf, Figures } from "agent-sync/events"
import type { FileChange } from "./Item.ts"

export interface Turn {
  /** The item it begins with. */
  readonly id: string
  readonly time: number
  readonly text: string
  readonly figures: Figures
}
export interface ToolSum {
  readonly calls: number
  readonly failed: number
  readonly ms: number
}
export interface FileSum {
  readonly added: number
  readonly removed: number
}

export interface Sums {
  readonly turns: ReadonlyArray<Turn>
  readonly tools: ReadonlyMap<string, ToolSum>
  readonly files: ReadonlyMap<string, FileSum>
  readonly began: (turn: Omit<Turn, "figures">) => void
  /** What the turn has used, as its messages tell it; the same message told again counts once. */
  readonly used: (event: EventOf<"usage">) => void
  /** What the agent itself says of the turn that is over. */
  readonly ended: (figures: Figures) => void
  /** Adds to what is known of a tool. */
  readonly called: (name: string, more: ToolSum) => void
  /** The same change told again replaces what it said. */
  readonly changed: (event: AgentEvent, change: FileChange) => void
}

const NAMES = ["input", "output", "cacheRead", "cacheWrite", "costUsd"] as const

export const makeSums = (): Sums => {
  const turns: Array<Turn> = []
  const tools = new Map<string, ToolSum>()
  const files = new Map<string, FileSum>()
  const changes = new Map<string, FileChange>()
  /** Of each message of the turn that goes on. */
  let messages = new Map<string, Figures>()

  const change = (figures: Figures) => {
    const turn = turns.at(-1)
    if (turn !== undefined) turns[turns.length - 1] = { ...turn, figures: { ...turn.figures, ...figures } }
  }

  return {
    turns,
    tools,
    files,
    began: (turn) => {
      messages = new Map()
      turns.push({ ...turn, figures: {} })
    },
    used: ({ data: { cumulative, figures, messageId }, key }) => {
      const turn = turns.at(-1)
      if (turn === undefined || cumulative === true) return
      const id = messageId ?? key
      const before = messages.get(id) ?? {}
      const known = new Map(Object.entries(turn.figures))
      const after = new Map(Object.entries(before))
      for (const name of NAMES) {
        const now = figures[name]
        if (now === undefined) continue
        const more = Math.max(now, before[name] ?? 0) - (before[name] ?? 0)
        known.set(name, (turn.figures[name] ?? 0) + more)
        after.set(name, (before[name] ?? 0) + more)
      }
      messages.set(id, Object.fromEntries(after))
      change(Object.fromEntries(known))
    },
    ended: change,
    called: (name, more) => {
      const { calls, failed, ms } = tools.get(name) ?? { calls: 0, failed: 0, ms: 0 }
      tools.set(name, { calls: calls + more.calls, failed: failed + more.failed, ms: ms + more.ms })
    },
    changed: ({ key }, now) => {
      const before = changes.get(key)
      changes.set(key, now)
      const { added, removed } = files.get(now.path) ?? { added: 0, removed: 0 }
      files.set(now.path, {
        added: added + (now.added ?? 0) - (before?.added ?? 0),
        removed: removed + (now.removed ?? 0) - (before?.removed ?? 0)
      })
    }
  }
}
