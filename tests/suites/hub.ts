/** What the hub promises to peers, whatever storage it stands on. A new storage, or another hub, passes this, whole. */
import { describe } from "bun:test"
import type { MakeStorage } from "../hub/world.ts"
import { hubAdministered } from "./hub/administered.ts"
import { hubPages } from "./hub/pages.ts"
import { hubRefusing } from "./hub/refusing.ts"
import { hubSlow } from "./hub/slow.ts"
import { hubWatching } from "./hub/watching.ts"
import { hubWriting } from "./hub/writing.ts"

export const hubSuite = (name: string, makeStorage: MakeStorage) =>
  describe(`Hub (${name})`, () => {
    hubWriting(makeStorage)
    hubWatching(makeStorage)
    hubPages(makeStorage)
    hubSlow(makeStorage)
    hubRefusing(makeStorage)
    hubAdministered(makeStorage)
  })
