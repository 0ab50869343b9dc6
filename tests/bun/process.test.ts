/** Whether the process that wrote something lives, where ids are given out again. */
import { expect, test } from "bun:test"
import { isDead, isGone, thisProcess } from "../../sdk/src/bun/process.ts"
import { afterThisTest } from "../support/undo.ts"

test("a process is gone when nobody has its id, when another has it, and after a restart of the machine", async () => {
  const here = thisProcess()
  const [where, pid, began] = here.split(" ")
  expect(isGone(here)).toBe(false)
  const child = Bun.spawn(["true"])
  await child.exited
  expect(isGone(`${where} ${child.pid} `)).toBe(true)
  if (process.platform !== "linux") return
  expect(isGone(`${where} ${pid} ${Number(began) + 1}`)).toBe(true)
  expect(isGone(`${where?.replace(/^./, "x")} ${pid} ${began}`)).toBe(true)
  // Another container's, of which nothing can be seen from here.
  expect(isGone(`${where}0 ${pid} ${began}`)).toBe(false)
})

test("a process of another boot or container is not known to be dead, and one that names none neither", async () => {
  const child = Bun.spawn(["true"])
  await child.exited
  const [where] = thisProcess().split(" ")
  expect(isDead(`${where} ${child.pid} `)).toBe(true)
  for (const written of [
    `${where}0 ${child.pid} `,
    `x${where} ${child.pid} `,
    `${where} `,
    `${where} x `,
    `${where} -1 `
  ])
    expect([written, isDead(written)]).toEqual([written, false])
})

test.if(process.platform === "linux")(
  "a process that has ended is dead, also where who started it has not asked",
  async () => {
    // `true` ends, and `sleep` takes the place of its parent and never asks.
    const parent = Bun.spawn(["sh", "-c", "true & echo $!; exec sleep 60"], { stdout: "pipe" })
    afterThisTest(async () => {
      parent.kill()
      await parent.exited
    })
    const { value } = await parent.stdout.getReader().read()
    const written = `${thisProcess().split(" ")[0]} ${new TextDecoder().decode(value).trim()} `
    while (!isDead(written)) await Bun.sleep(5)
    expect(isGone(written)).toBe(true)
  }
)
