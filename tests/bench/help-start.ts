/**
 * What our size costs at the start: `--help` of the packed bin's bundle against the smallest one-file program on @effect/cli,
 * bundled the same way. Interleaved; the ratio of the medians is what holds.
 *
 *     bun tests/bench/help-start.ts [rounds]
 */
import { mkdirSync, rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"

const rounds = Number(process.argv[2] ?? 21)
const root = join(import.meta.dir, "..", "..")
/** In the repository, so that its packages are found. */
const folder = join(root, "dist", "bench")

const smallest = `
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as BunContext from "@effect/platform-bun/BunContext"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
const hello = Command.make("hello", { name: Options.text("name") }, ({ name }) => Console.log(name))
await Command.run(hello, { name: "hello", version: "1.0.0" })(process.argv).pipe(Effect.provide(BunContext.layer), Effect.runPromise)
`

const built = Bun.spawnSync([process.execPath, join(root, "cli/build.ts")], { cwd: root })
if (!built.success) throw new Error(String(built.stderr))
mkdirSync(folder, { recursive: true })
writeFileSync(join(folder, "smallest.ts"), smallest)
await Bun.build({ entrypoints: [join(folder, "smallest.ts")], outdir: folder, target: "bun", minify: true })

const programs = {
  "bun -e 1": ["-e", "1"],
  smallest: [join(folder, "smallest.js"), "--help"],
  "agent-sync": [join(root, "dist/cli/main.js"), "--help"]
}
const times = new Map<string, Array<number>>(Object.keys(programs).map((name) => [name, []]))
for (let round = 0; round < rounds; round++) {
  for (const [name, args] of Object.entries(programs)) {
    const began = performance.now()
    Bun.spawnSync([process.execPath, ...args], { stdout: "ignore", stderr: "ignore" })
    times.get(name)?.push(performance.now() - began)
  }
}
const median = (name: string) => times.get(name)?.sort((a, b) => a - b)[rounds >> 1] ?? Number.NaN
for (const name of Object.keys(programs))
  console.log(`${name.padEnd(12)} ${median(name).toFixed(1)} ms (median of ${rounds})`)
console.log(`ratio        ${(median("agent-sync") / median("smallest")).toFixed(2)}`)
const kilobytes = (file: string) => Math.round(statSync(file).size / 1000)
console.log(
  `bytes        ${kilobytes(join(root, "dist/cli/main.js"))} kB against ${kilobytes(join(folder, "smallest.js"))} kB`
)
rmSync(folder, { recursive: true, force: true })
