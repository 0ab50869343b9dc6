/** In the mutated copy only: which mutant is on, and how often each place was run. */
let active = Number(process.env.MUTANT ?? "-1")
/** How often the mutant may run: above it, it is taken to run for ever. */
let left = Number.POSITIVE_INFINITY

/** Puts a mutant on for `most` of its runs; none without an id. */
export const activate = (id = -1, most = 0): void => {
  active = id
  left = most
}

export const isActive = (id: number): boolean => {
  if (id !== active) return false
  if (--left < 0) throw new Error("This mutant seems to run for ever")
  return true
}

const counts = new Float64Array(100_000)
let counted = process.env.MUTANT_DRIVEN !== undefined

export const ran = (...ids: ReadonlyArray<number>): void => {
  if (counted) for (const id of ids) counts[id]!++
}

/** How often each place was run since it was asked last, by the id of its mutant. */
export const takeRuns = (): ReadonlyMap<number, number> => {
  const runs = new Map<number, number>()
  for (const [id, count] of counts.entries()) if (count > 0) runs.set(id, count)
  counts.fill(0)
  return runs
}

export const stopCounting = (): void => {
  counted = false
}
