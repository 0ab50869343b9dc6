/**
 * In the mutated copy only: runs the tests for each mutant it is given, in one process; once as they are before, where nobody did.
 */
import { test } from "bun:test"
import { existsSync, readFileSync, writeFileSync, writeSync } from "node:fs"
import { resolve } from "node:path"
import { type Collected, collect, collected } from "./harness.ts"
import { BASE, type Base, MARK, NEVER_MS, type Said } from "./said.ts"
import { activate, stopCounting, takeRuns } from "./switch.ts"

const say = (said: Said) => writeSync(1, `${MARK}${JSON.stringify(said)}\n`)

/** The failure, if it fails. */
const failure = async ({ run }: Collected, limitMs: number): Promise<unknown> => {
  let timer: ReturnType<typeof setTimeout> | undefined
  const never = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("It takes for ever")), limitMs)
  })
  try {
    await Promise.race([run(), never])
    return undefined
  } catch (cause) {
    return cause ?? new Error("It failed without a reason")
  } finally {
    clearTimeout(timer)
    say({})
  }
}

const { files, mutants } = JSON.parse(process.env.MUTANT_DRIVEN!) as {
  readonly files: ReadonlyArray<string>
  readonly mutants: ReadonlyArray<number>
}

test(
  "mutants",
  async () => {
    // A test that is over may leave a promise behind that fails with the mutant.
    process.on("unhandledRejection", () => {})
    for (const file of files) await collect(file, resolve(file))
    say({ loaded: [...takeRuns().keys()] })
    if (!existsSync(BASE)) {
      const base: Array<Base> = []
      for (const each of collected) {
        const since = performance.now()
        const cause = await failure(each, 10 * NEVER_MS)
        if (cause !== undefined) return void say({ broken: `${each.file}: ${each.name}: ${cause}` })
        base.push({ file: each.file, ms: performance.now() - since, runs: [...takeRuns()] })
      }
      writeFileSync(BASE, JSON.stringify(base))
    }
    stopCounting()
    const base = JSON.parse(readFileSync(BASE, "utf8")) as ReadonlyArray<Base>
    const known = base.map(({ ms, runs }, i) => ({ test: collected[i]!, ms, runs: new Map(runs) }))

    const kills = new Map<Collected, number>()
    for (const id of mutants) {
      const reached = known.filter((each) => each.runs.has(id))
      const worth = ({ ms, test }: (typeof reached)[number]) => (1 + (kills.get(test) ?? 0)) / (5 + ms)
      reached.sort((a, b) => worth(b) - worth(a))
      let by: Collected | undefined
      for (const { ms, runs: usual, test } of reached) {
        activate(id, 1_000 + 20 * usual.get(id)!)
        const cause = await failure(test, NEVER_MS + 10 * ms)
        activate()
        if (cause === undefined) continue
        by = test
        break
      }
      if (by !== undefined) {
        kills.set(by, (kills.get(by) ?? 0) + 1)
        if ((await failure(by, NEVER_MS + 10 * known.find(({ test }) => test === by)!.ms)) !== undefined)
          return void say({ spoiled: id })
      }
      say(by === undefined ? { id } : { id, file: by.file, test: by.name })
    }
  },
  2 ** 31 - 1
)
