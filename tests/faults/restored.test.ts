/**
 * What becomes of a hub's storage behind its back: put back to an older copy, or wiped. Real files, real sockets. Readers
 * are told, nothing is shown twice, and what is written from then on arrives.
 */
import { expect, test } from "bun:test"
import { copyFileSync, rmSync } from "node:fs"
import { startPair, until } from "../support/pair.ts"

test.each([
  { early: false, when: "after" },
  { early: true, when: "before" }
])(
  "a reader of a hub that was put back to an older copy is told, and hears what was written $when it came back",
  async ({ early }) => {
    const { acked, file, notices, restart, shown, stop, write } = await startPair()
    write("1", "2", "3")
    await acked()
    await stop()
    copyFileSync(file, `${file}.old`)
    await restart()
    write("4", "5")
    await until(() => shown.length === 5)
    await acked()
    await stop()
    for (const beside of ["-wal", "-shm"]) rmSync(`${file}${beside}`, { force: true })
    copyFileSync(`${file}.old`, file)
    if (early) write("6")
    await restart()
    await until(() => notices.length > 0)
    if (!early) write("6")
    await until(() => shown.includes("6"))
    expect(shown).toEqual(["1", "2", "3", "4", "5", "6"])
    expect(notices).toHaveLength(1)
    // One that was written meanwhile has taken a number.
    expect(notices[0]).toMatch(early ? /^Gap [45]-5$/ : /^Gap 4-5$/)
  },
  30_000
)

test("a hub that was wiped gets the log that goes on from its beginning, and its readers see nothing twice", async () => {
  const { acked, file, restart, shown, stop, write } = await startPair()
  write("1", "2", "3")
  await until(() => shown.length === 3)
  await acked()
  await stop()
  for (const beside of ["", "-wal", "-shm"]) rmSync(`${file}${beside}`, { force: true })
  await restart()
  write("4")
  await until(() => shown.includes("4"))
  expect(shown).toEqual(["1", "2", "3", "4"])
}, 30_000)
