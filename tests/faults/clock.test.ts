/** Clocks that jump: entry ids, leases and expiries carry the time, and no promise rests on it. */
import { expect, setSystemTime, test } from "bun:test"
import { startPair, until } from "../support/pair.ts"
import { afterThisTest } from "../support/undo.ts"

const DAY_MS = 86_400_000

test("a clock that jumps back a year, forth ten and back again loses, doubles and reorders nothing", async () => {
  const { acked, notices, restart, shown, stop, write } = await startPair()
  const now = Date.now()
  afterThisTest(() => setSystemTime())
  const texts: Array<string> = []
  for (const [jump, days] of [0, -365, 3_650, 0, -1, 20].entries()) {
    setSystemTime(new Date(now + days * DAY_MS))
    const some = Array.from({ length: 30 }, (_, i) => `${jump} ${i}`)
    texts.push(...some)
    for (const text of some) write(text)
    // Half of them while the hub is away, so that they are sent by a process that sees another time.
    if (jump % 2 === 1) {
      await stop()
      await restart()
    }
  }
  await until(() => shown.length >= texts.length)
  await acked()
  expect(shown).toEqual(texts)
  expect(notices).toEqual([])
}, 30_000)
