/**
 * Heights of very many rows, one above the other. What changes costs its block: of 100,000 rows one is added, measured or looked
 * up in microseconds, where a list of positions would be summed anew each time.
 */

/** Rows. */
const BLOCK = 256

export interface Heights {
  readonly count: number
  /** Pixels of all. */
  readonly total: number
  readonly get: (at: number) => number
  readonly set: (at: number, height: number) => void
  /** Keeps those before `from`; from there on there are `count` in all, as `heightOf` says. */
  readonly replace: (from: number, count: number, heightOf: (at: number) => number) => void
  /** Pixels above a row. */
  readonly above: (at: number) => number
  /** The row at so many pixels from the first; the nearest where there is none. */
  readonly rowAt: (pixels: number) => number
}

export const makeHeights = (): Heights => {
  let heights = new Float64Array(BLOCK)
  let sums: Array<number> = []
  let count = 0
  let total = 0

  return {
    get count() {
      return count
    },
    get total() {
      return total
    },
    get: (at) => heights[at] ?? 0,
    set: (at, height) => {
      const change = height - (heights[at] ?? 0)
      if (at >= count || change === 0) return
      heights[at] = height
      sums[Math.floor(at / BLOCK)]! += change
      total += change
    },
    replace: (from, now, heightOf) => {
      if (heights.length < now) {
        const larger = new Float64Array(now * 2)
        larger.set(heights)
        heights = larger
      }
      count = now
      for (let at = from; at < now; at++) heights[at] = heightOf(at)
      const first = Math.floor(from / BLOCK)
      sums = sums.slice(0, first)
      for (let at = first * BLOCK; at < now; at += BLOCK) {
        let sum = 0
        for (let row = at; row < Math.min(now, at + BLOCK); row++) sum += heights[row]!
        sums.push(sum)
      }
      total = sums.reduce((sum, one) => sum + one, 0)
    },
    above: (at) => {
      const block = Math.floor(Math.min(at, count) / BLOCK)
      let sum = 0
      for (let before = 0; before < block; before++) sum += sums[before]!
      for (let row = block * BLOCK; row < Math.min(at, count); row++) sum += heights[row]!
      return sum
    },
    rowAt: (pixels) => {
      let left = pixels
      let block = 0
      while (block < sums.length - 1 && left >= sums[block]!) left -= sums[block++]!
      let row = block * BLOCK
      while (row < count - 1 && left >= heights[row]!) left -= heights[row++]!
      return Math.max(0, row)
    }
  }
}
