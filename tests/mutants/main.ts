/**
 * `bun run test:mutants [part…]`: changes one thing at a time in the files that everything stands on, and sees whether a
 * test fails. What no test notices is a promise without a test, code that nothing needs, or explained in
 * `explained.jsonc`. A part is the beginning of a file's name in `sdk/src`: `crypto`, `protocol/Reader`. `--fresh` tries
 * again what earlier runs found; `--jobs N` is how many are tried at a time (2).
 */
import { mkdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { sourcesOf } from "./areas.ts"
import { explains, readExplained } from "./explained.ts"
import { instrument, type Mutant } from "./instrument.ts"
import { makeResults } from "./results.ts"
import { copyTree } from "./tree.ts"
import { tryAll, type Verdict } from "./trial.ts"

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { fresh: { type: "boolean", default: false }, jobs: { type: "string", default: "2" } }
})
const root = join(import.meta.dir, "../..")
const cache = join(root, "node_modules/.cache/mutants")
const sources = sourcesOf(root, positionals)
if (sources.length === 0) {
  console.error(
    `Nothing that is mutated begins with ${positionals.join(" or ")}. The parts are in tests/mutants/areas.ts.`
  )
  process.exit(2)
}
mkdirSync(cache, { recursive: true })
if (values.fresh) rmSync(join(cache, "results.jsonl"), { force: true })

const { copy, remove } = copyTree(root)
process.on("exit", remove)
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130))

const { mutants, texts } = await instrument(
  root,
  cache,
  sources.map(({ file }) => file)
)
for (const [file, text] of texts) await Bun.write(join(copy, file), text)

const testsOf = new Map(sources.map(({ file, tests }) => [file, tests]))
const results = makeResults(root, cache)
const verdicts = new Map<Mutant, Verdict>()
const explanations = readExplained().filter(({ file }) => testsOf.has(file))
const explained = (mutant: Mutant) => explanations.some((explanation) => explains(explanation, mutant))
/** A survivor that nothing explains, as soon as it is known. */
const show = (mutant: Mutant) => {
  if (verdicts.get(mutant)?.outcome !== "survived" || explained(mutant)) return
  const { after, before, file, line, operator } = mutant
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K")
  console.log(`${file}:${line} survives (${operator})\n- ${before}\n+ ${after}\n`)
}

let tried = 0
for (const tests of new Set(testsOf.values())) {
  const of = new Map(mutants.filter(({ file }) => testsOf.get(file) === tests).map((mutant) => [mutant.id, mutant]))
  const left = new Set<number>()
  for (const mutant of of.values()) {
    const found = results.find(mutant, tests)
    if (found === undefined) left.add(mutant.id)
    else verdicts.set(mutant, found)
  }
  for (const mutant of of.values()) show(mutant)
  const neighbours = (id: number) =>
    [...of.values()].filter(({ file }) => file === of.get(id)!.file).map(({ id }) => id)
  await tryAll(copy, tests, [...left], neighbours, Math.max(1, Number(values.jobs)), (id, verdict) => {
    const mutant = of.get(id)!
    left.delete(id)
    verdicts.set(mutant, verdict)
    results.keep(mutant, tests, verdict)
    show(mutant)
    tried++
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${tried} tried, ${left.size} left: ${mutant.file}`)
  })
}
if (process.stderr.isTTY) process.stderr.write("\r\x1b[K")

const survivors = mutants.filter((mutant) => verdicts.get(mutant)!.outcome === "survived")
const open = survivors.filter((mutant) => !explained(mutant))
// On a busy machine a mutant that lives may run out of time.
const lived = mutants.filter((mutant) => verdicts.get(mutant)!.outcome !== "killed")
const stale = explanations.flatMap((explanation) =>
  explanation.becomes
    .filter((after) => !lived.some((mutant) => explains({ ...explanation, becomes: [after] }, mutant)))
    .map((after) => ({ ...explanation, after }))
)

const row = (cells: ReadonlyArray<string | number>) =>
  console.log(cells.map((cell, i) => (i === 0 ? String(cell).padEnd(36) : String(cell).padStart(11))).join(""))
row(["", "mutants", "killed", "timed out", "explained", "unexplained"])
const count = (name: string, of: ReadonlyArray<Mutant>) => {
  const by = (outcome: Verdict["outcome"]) => of.filter((mutant) => verdicts.get(mutant)!.outcome === outcome)
  const survived = by("survived")
  const known = survived.filter(explained).length
  row([name, of.length, by("killed").length, by("timed out").length, known, survived.length - known])
}
for (const { file } of sources) {
  const own = mutants.filter((mutant) => mutant.file === file)
  if (own.length > 0) count(file.slice("sdk/src/".length), own)
}
count(`all (${tried} tried now)`, mutants)

for (const { after, file, line } of stale) {
  console.log(`${file}: explained, but there is no such survivor\n- ${line}\n+ ${after}\n`)
}
process.exit(open.length + stale.length === 0 ? 0 : 1)
