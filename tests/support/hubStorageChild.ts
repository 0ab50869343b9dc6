/**
 * A hub's storage in a process of its own. `write FILE`: appends writes of three entries for as long as it lives and tells
 * each when it is stored. `open FILE`: says how opening went. `open-as-nobody FILE`: the same without root's rights.
 */
import { writeSync } from "node:fs"
import * as Either from "effect/Either"
import { open } from "../../sdk/src/bun/SqliteStorage.ts"
import type { Appended } from "../../sdk/src/hub/HubStorage.ts"
import { entries, iv } from "./hubEntries.ts"

const say = (line: string) => writeSync(1, `${line}\n`)
const [mode = "", file = ""] = process.argv.slice(2)

const NOBODY = 65_534
if (mode === "open-as-nobody" && process.getuid?.() === 0) process.setuid?.(NOBODY)

const opened = open(file)
if (Either.isLeft(opened)) {
  say(`${opened.left.reason}: ${opened.left.message}`)
} else if (mode === "write") {
  const storage = opened.right
  for (let n = 0; n < 100_000; n += 3) {
    const { chain, head } = Either.getOrThrow(
      storage.append("log", iv(1), entries(n, 3, 500), false) as Either.Either<Appended>
    )
    say(`${head} ${Buffer.from(chain).toString("hex")}`)
  }
} else {
  opened.right.close()
  say("opened")
}
