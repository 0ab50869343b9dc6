/** What logs were told already, as hashes keyed with the writer's key; `Journal.ts` says what a mark is. */
import type { Unless } from "../../journal/Journal.ts"
import type { Keeping } from "../../sync/sealing.ts"
import type { Store } from "./Store.ts"

export interface Marks {
  /** Inside a read. */
  readonly has: (log: number, mark: string) => boolean
  /** Inside a write. False where the log has it already. */
  readonly keep: (log: number, mark: string) => boolean
  /** Inside a write: keeps the marks of what is new, and answers whether it is. */
  readonly keepNew: (log: number, mark: string | undefined, unless: Unless | undefined) => boolean
}

/** Logs are named by their row's number. */
export const marksOf = (store: Store, keeping: Keeping): Marks => {
  const nameOf = (mark: string) => keeping.nameOf(`mark ${mark}`)
  const has: Marks["has"] = (log, mark) =>
    store.get("SELECT 1 FROM mark WHERE log = ? AND name = ?", log, nameOf(mark)) !== undefined
  const keep: Marks["keep"] = (log, mark) =>
    store.run("INSERT OR IGNORE INTO mark (log, name) VALUES (?, ?)", log, nameOf(mark)) > 0
  return {
    has,
    keep,
    keepNew: (log, mark, unless) => {
      if (unless?.told.some((one) => has(log, one)) === true) return false
      if (mark !== undefined && !keep(log, mark)) return false
      for (const one of unless?.tells ?? []) keep(log, one)
      return true
    }
  }
}
