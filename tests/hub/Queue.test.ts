/** Questions to a storage one after another, also where an answer is badly taken. */
import { expect, test } from "bun:test"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { makeQueue } from "../../sdk/src/hub/Queue.ts"

test.each([
  ["at once", (n: number): Effect.Effect<number> => Either.right(n)],
  ["later", (n: number): Effect.Effect<number> => Effect.promise(() => Promise.resolve(n))]
])("whoever throws at an answer that comes %s is told, and what waits behind goes on", async (_, answer) => {
  const queue = makeQueue(() => {})
  const heard: Array<unknown> = []
  const hear = (what: unknown) => void heard.push(what)
  queue.ask(
    () => answer(1),
    () => {
      queue.ask(() => answer(2), hear, hear)
      throw new Error("it cannot be taken")
    },
    (cause) => hear(String(cause))
  )
  queue.ask(() => answer(3), hear, hear)
  for (let turn = 0; turn < 10 && !queue.idle(); turn++) await Bun.sleep(1)
  expect(heard.toSorted()).toEqual([2, 3, "Error: it cannot be taken"])
  expect(queue.idle()).toBe(true)
})
