/** What the hub promises to peers, whatever storage it stands on. A new storage, or another hub, passes this, whole. */
import { describe, test } from "bun:test"
import { promises } from "../../sdk/src/hub/promises/promises.ts"
import { type MakeStorage, type MakeWorld, makeWorld, startOn } from "../hub/world.ts"
import { hubAdministered } from "./hub/administered.ts"
import { hubPages } from "./hub/pages.ts"
import { hubRefusing } from "./hub/refusing.ts"
import { hubRuled } from "./hub/ruled.ts"
import { hubSlow } from "./hub/slow.ts"
import { hubWatching } from "./hub/watching.ts"
import { hubWriting } from "./hub/writing.ts"

/** Over sockets in memory. */
export const hubSuite = (name: string, makeStorage: MakeStorage) => {
  hubOverSockets(name, async () => makeWorld(await makeStorage()))
  hubOverRuledSockets(name, makeStorage)
}

/** What is seen over sockets in memory alone, whose speed and breaks the tests rule. */
export const hubOverRuledSockets = (name: string, makeStorage: MakeStorage) =>
  describe(`Hub (${name})`, () => {
    const make = async () => makeWorld(await makeStorage())
    hubSlow(make)
    hubRuled(make)
    hubAdministered(make)
    for (const { ask, name, needs } of promises) {
      if (needs.includes("admin")) test(name, () => ask(() => startOn(make)))
    }
  })

/** Over any sockets; each world is a tenant with nothing in it. `runs` random histories for each promise that has them. */
export const hubOverSockets = (name: string, make: MakeWorld, { runs = 15 }: { readonly runs?: number } = {}) =>
  describe(`Hub (${name})`, () => {
    // What `agent-sync hub test` asks of any deployment, too.
    for (const { ask, name, needs } of promises) {
      if (!needs.includes("admin") && !needs.includes("door")) test(name, () => ask(() => startOn(make)))
    }
    hubWriting(make, runs)
    hubWatching(make)
    hubPages(make, runs)
    hubRefusing(make)
  })
