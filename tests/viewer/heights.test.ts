/** Heights of many rows come to the same as summing them one by one. */
import { expect, test } from "bun:test"
import { makeHeights } from "../../viewer-static/src/heights.ts"

/** Pseudo-random, the same in each run. */
const dice = (seed: number) => () => {
  seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
  return seed / 2_147_483_648
}

test("after any replacing and setting, sums and places are those of the plain list", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const roll = dice(seed)
    const heights = makeHeights()
    let plain: Array<number> = []
    for (let step = 0; step < 30; step++) {
      if (roll() < 0.4) {
        const from = Math.floor(roll() * (plain.length + 1))
        const count = from + Math.floor(roll() * 900)
        const next = Array.from({ length: count }, (_, at) => (at < from ? plain[at]! : Math.floor(roll() * 300)))
        heights.replace(from, count, (at) => next[at]!)
        plain = next
      } else if (plain.length > 0) {
        const at = Math.floor(roll() * plain.length)
        plain[at] = Math.floor(roll() * 500)
        heights.set(at, plain[at]!)
      }
      const total = plain.reduce((sum, one) => sum + one, 0)
      expect(heights.count).toBe(plain.length)
      expect(heights.total).toBe(total)
      const at = Math.floor(roll() * (plain.length + 1))
      expect(heights.above(at)).toBe(plain.slice(0, at).reduce((sum, one) => sum + one, 0))
      if (plain.length === 0) continue
      const pixels = roll() * total
      const row = heights.rowAt(pixels)
      expect(heights.above(row)).toBeLessThanOrEqual(pixels)
      expect(row === plain.length - 1 || heights.above(row + 1) > pixels).toBe(true)
    }
  }
})

test("beyond the ends it is the first row, or the last", () => {
  const heights = makeHeights()
  expect(heights.rowAt(10)).toBe(0)
  heights.replace(0, 1_000, () => 20)
  expect(heights.rowAt(-5)).toBe(0)
  expect(heights.rowAt(1_000_000)).toBe(999)
})
