/**
 * `bun run bench [name…] [--rounds 5]`: our hubs beside stock Effect and beside hand-written floors. Targets take turns and
 * the order turns with the round; what counts are the ratios within a round. Ends with the gates, reached or short. All of
 * it, with five rounds, takes about a quarter of an hour on a machine that does nothing else.
 */
import { loadavg } from "node:os"
import { parseArgs } from "node:util"
import * as Client from "./figures/client.ts"
import * as Hubs from "./figures/hubs.ts"
import * as Worker from "./figures/worker.ts"
import { gates } from "./gates.ts"
import { type Figures, makeFigures } from "./harness/Figures.ts"
import { watchBusy } from "./harness/machine.ts"
import { KEEPS_MEMORY, type Name, start, type Target } from "./harness/Target.ts"

const OBJECTS: ReadonlyArray<Name> = ["object", "stock object", "floor by row", "floor by batch"]
const BUN: ReadonlyArray<Name> = ["bun", "stock bun"]
/** What the platforms themselves cost. */
const FLOORS: ReadonlyArray<Name> = ["floor by log", "floor without storage", "floor on bun"]

interface Part {
  /** Measured beside each other, round by round; none where it starts what it needs itself. */
  readonly targets: ReadonlyArray<Name>
  readonly measure: Hubs.Measure
  /** Rounds at most, where one takes long: the whole bench is to end within twenty minutes. */
  readonly most?: number
  /**
   * Times that targets take turns within a round, of which the median counts: for figures that come within seconds, which
   * whatever else the machine does for one of them would decide. One turn before the rounds counts for nothing: what a
   * server runs for the first time it compiles.
   */
  readonly turns?: number
}

const parts: Readonly<Record<string, Part>> = {
  ingest: { targets: [...OBJECTS, ...BUN, ...FLOORS], measure: Hubs.ingest, turns: 3 },
  tenants: { targets: [...OBJECTS, ...BUN], measure: Hubs.manyTenants, turns: 3 },
  latency: { targets: [...OBJECTS, ...BUN], measure: Hubs.latency, turns: 3 },
  fanout: { targets: [...OBJECTS, ...BUN], measure: Hubs.fanOut },
  catchup: { targets: [...OBJECTS, ...BUN], measure: Hubs.catchUp() },
  readers: { targets: ["object", "bun"], measure: Hubs.readers, most: 2 }
}
const alone: Readonly<Record<string, (figures: ReturnType<typeof makeFigures>, rounds: number) => Promise<void>>> = {
  rows: Worker.rows,
  start: Worker.start,
  client: Client.measure
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string", default: "5" }, targets: { type: "string" } }
})
const known = [...Object.keys(parts), ...Object.keys(alone)]
const unknown = positionals.filter((name) => !known.includes(name))
if (unknown.length > 0) {
  console.error(`There is no ${unknown.join(", ")}; there are ${known.join(", ")}.`)
  process.exit(2)
}
if (process.env[KEEPS_MEMORY] === undefined) {
  console.error(`Start it by "bun run bench", which sets ${KEEPS_MEMORY}: it has to be there before Bun is.`)
  process.exit(2)
}
const asked = (name: string) => positionals.length === 0 || positionals.includes(name)
const rounds = Number(values.rounds)
const only = values.targets?.split(",")

const figures = makeFigures()
const busy = watchBusy()
const targets = new Map<Name, Target>()
const troubles: Array<string> = []
try {
  for (const [name, { measure, most = rounds, targets: all, turns = 0 }] of Object.entries(parts)) {
    if (!asked(name)) continue
    const names = all.filter((one) => only?.includes(one) ?? true)
    // A server that has served is not the one that began: each part has fresh ones.
    for (const one of names) targets.set(one, await start(one))
    const out = new Set<Name>()
    const turn = async (into: Figures, shift: number, when: string) => {
      for (let i = 0; i < names.length; i++) {
        const target = names[(i + shift) % names.length]!
        if (out.has(target)) continue
        try {
          await measure(targets.get(target)!, into)
        } catch (error) {
          out.add(target)
          troubles.push(`${name}: ${target} is out in ${when}: ${String(error)}`)
        }
      }
    }
    if (turns > 0) await turn(makeFigures(), 0, "the turn before the rounds")
    for (let round = 0; round < Math.min(rounds, most); round++) {
      const when = `round ${round + 1} of ${Math.min(rounds, most)}`
      if (turns === 0) await turn(figures, round, when)
      else {
        const within = makeFigures()
        for (let n = 0; n < turns; n++) await turn(within, round + n, when)
        figures.take(within)
      }
      console.error(`${name}, ${when}`)
    }
    for (const one of names) await targets.get(one)!.stop()
    targets.clear()
  }
  for (const [name, measure] of Object.entries(alone)) {
    if (!asked(name)) continue
    await measure(figures, rounds)
    console.error(name)
  }
} finally {
  for (const target of targets.values()) await target.stop()
}

console.log(figures.table())
console.log(`\n${gates(figures)}`)
for (const trouble of troubles) console.log(`! ${trouble}`)
console.log(
  `\nThe machine was ${(busy() * 100).toFixed(0)} % busy, load ${loadavg()[0]!.toFixed(1)}; ${rounds} rounds; Bun ${Bun.version}.`
)
process.exit(troubles.length === 0 ? 0 : 1)
