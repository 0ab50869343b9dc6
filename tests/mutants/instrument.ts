/**
 * All mutants of a file in one text, each behind a switch (`switch.ts`): one copy of the tree then serves every
 * mutant. The operators are Stryker's; its instrumenter and what that needs are 20 MB, so they are installed when first
 * asked for, beside this project and not into it.
 */
import { mkdirSync } from "node:fs"
import { join, relative } from "node:path"
import { pathToFileURL } from "node:url"
import manifest from "./instrumenter/package.json" with { type: "json" }

export interface Mutant {
  /** As its switch knows it: unique in one instrumentation. */
  readonly id: number
  readonly file: string
  /** Of its beginning, from 1. */
  readonly line: number
  readonly operator: string
  /** The line on which it begins, and what stands there instead; both without the space around them. */
  readonly before: string
  readonly after: string
  /** What tells it from every other mutant, also of another text of its file. */
  readonly key: string
}

export interface Instrumented {
  readonly mutants: ReadonlyArray<Mutant>
  /** The text of every file with its mutants in it. */
  readonly texts: ReadonlyMap<string, string>
}

interface Position {
  readonly line: number
  readonly column: number
}
/** The part of `@stryker-mutator/instrumenter` that is used; positions count from 0. */
interface Stryker {
  readonly instrument: (
    files: ReadonlyArray<{ name: string; mutate: true; content: string }>,
    options: { plugins: null; excludedMutations: []; ignorers: [] }
  ) => Promise<{
    readonly files: ReadonlyArray<{ readonly name: string; readonly content: string }>
    readonly mutants: ReadonlyArray<{
      readonly id: string
      readonly fileName: string
      readonly location: { readonly start: Position; readonly end: Position }
      readonly mutatorName: string
      readonly replacement: string
    }>
  }>
}

/** `cache` is the folder that keeps the instrumenter. */
const loadStryker = async (cache: string): Promise<Stryker> => {
  const home = join(cache, "instrumenter")
  mkdirSync(home, { recursive: true })
  for (const name of ["package.json", "bun.lock"]) {
    await Bun.write(join(home, name), Bun.file(join(import.meta.dir, "instrumenter", name)))
  }
  const installed = Bun.spawnSync([process.execPath, "install", "--frozen-lockfile"], { cwd: home })
  if (installed.exitCode !== 0) {
    throw new Error(`The instrumenter could not be installed. ${installed.stderr.toString().trim()}`)
  }
  const { Instrumenter } = await import(
    pathToFileURL(Bun.resolveSync(Object.keys(manifest.dependencies)[0]!, home)).href
  )
  return new Instrumenter({ debug: () => {}, info: () => {}, isDebugEnabled: () => false })
}

/** Stryker's own switch, at the head of every file. */
const SWITCH =
  /function stryNS_9fa48\(\) \{\n.*?\n\}\nstryNS_9fa48\(\);\nfunction stryCov_9fa48\(\) \{\n.*?\n\}\nfunction stryMutAct_9fa48\(id\) \{\n.*?\n\}\n/s

/** `files` by their names from `root`. */
export const instrument = async (root: string, cache: string, files: ReadonlyArray<string>): Promise<Instrumented> => {
  const stryker = await loadStryker(cache)
  const contents = new Map<string, string>()
  for (const file of files) contents.set(file, await Bun.file(join(root, file)).text())
  const made = await stryker.instrument(
    [...contents].map(([name, content]) => ({ name, mutate: true, content })),
    { plugins: null, excludedMutations: [], ignorers: [] }
  )
  const texts = new Map<string, string>()
  for (const { content, name } of made.files) {
    const ours = relative(join(name, ".."), "tests/mutants/switch.ts")
    const text = content.replace(
      SWITCH,
      `import { isActive as stryMutAct_9fa48, ran as stryCov_9fa48 } from "${ours}"\n`
    )
    // Numbers are quicker than texts, and the switch stands in every loop.
    const quick = text.replace(/(?<=\bstry(?:Cov|MutAct)_9fa48\()"[\d", ]+"(?=\))/g, (ids) => ids.replaceAll('"', ""))
    if (text === content && content !== contents.get(name) && text.includes("stryNS_9fa48")) {
      throw new Error(`Stryker's switch in ${name} is not where it was`)
    }
    texts.set(name, quick)
  }
  const mutants = made.mutants.map(({ fileName, id, location: { end, start }, mutatorName, replacement }): Mutant => {
    const text = contents.get(fileName)!
    const lines = text.split("\n")
    const first = lines[start.line]!
    const changed = first.slice(0, start.column) + replacement + lines[end.line]!.slice(end.column)
    return {
      id: Number(id),
      file: fileName,
      line: start.line + 1,
      operator: mutatorName,
      before: first.trim(),
      after: changed.replace(/\s+/g, " ").trim(),
      key: `${Bun.hash(text)} ${start.line}:${start.column}-${end.line}:${end.column} ${mutatorName} ${replacement}`
    }
  })
  return { mutants, texts }
}
