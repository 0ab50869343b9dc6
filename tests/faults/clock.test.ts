/**
 * Clocks that jump: entry ids, leases and expiries carry the time, and no promise rests on it. In a process of its own,
 * since ids rise for as long as their process lives: those of later tests would be of the year that this one jumped to.
 */
import { expect, setSystemTime, test } from "bun:test"
import { startPair, until } from "../support/pair.ts"
import { afterThisTest } from "../support/undo.ts"

const DAY_MS = 86_400_000
const ALONE = "AGENT_SYNC_TEST_ALONE"

test("a clock that jumps back a year, forth ten and back again loses, doubles and reorders nothing", async () => {
  if (process.env[ALONE] === undefined) {
    const child = Bun.spawn([process.execPath, "test", "--timeout", "30000", import.meta.path], {
      env: { ...process.env, [ALONE]: "1" },
      stdout: "ignore",
      stderr: "pipe"
    })
    const [said, code] = await Promise.all([new Response(child.stderr).text(), child.exited])
    expect([code, code === 0 ? "" : said]).toEqual([0, ""])
    return
  }
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
