/** Whether the process that wrote something lives, where ids are given out again. */
import { expect, test } from "bun:test"
import { isGone, thisProcess } from "../../../sdk/src/bun/journal/process.ts"

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
