/**
 * Mutants against tests, in the mutated copy. First many in one process, which is quick (`driver.ts`). What lives there is
 * tried once more alone, in a process that begins with it: a place may be run only while it is loaded, and what an
 * earlier test has left in a cache may hide a mutant.
 */
import { existsSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { BASE, type Base, MARK, NEVER_MS, type Said } from "./said.ts"

export interface Verdict {
  readonly outcome: "killed" | "timed out" | "survived"
  /** The test file, and the test in it, that failed. */
  readonly file?: string
  readonly test?: string
}

interface File {
  readonly file: string
  /** What it takes without a mutant, in milliseconds. */
  ms: number
  /** Mutants whose place it runs. */
  readonly ids: Set<number>
}

const bunTest = (copy: string, files: ReadonlyArray<string>, env: Record<string, string>) =>
  Bun.spawn(
    // No test is to fail because the machine is slow, or the instrumented text.
    [
      ...[process.execPath, "test", "--bail", "--timeout", "60000", "--preload", "./tests/mutants/preload.ts"],
      ...files.map((file) => `./${file}`)
    ],
    { cwd: copy, env: { ...process.env, ...env, NO_COLOR: "1" }, stdin: "ignore", stdout: "pipe", stderr: "pipe" }
  )

/**
 * Tries mutants, by their ids, against `files`; each verdict is told when it is there. `jobs` processes at a time.
 * `neighbours` are the mutants of the same source file.
 */
export const tryAll = async (
  copy: string,
  files: ReadonlyArray<string>,
  ids: ReadonlyArray<number>,
  neighbours: (id: number) => ReadonlyArray<number>,
  jobs: number,
  tell: (id: number, verdict: Verdict) => void
): Promise<void> => {
  const known = new Map<string, File>()
  /** What is run by loading alone. */
  const loaded = new Set<number>()
  const base = join(copy, BASE)
  /** Milliseconds without a word after which a driver is in a mutant that has no end. */
  let patience = 30 * NEVER_MS
  /** To be tried alone. */
  const doubtful: Array<number> = []

  /** Drives until the first mutant that ends the process; answers which are left. */
  const drive = async (mutants: ReadonlyArray<number>): Promise<ReadonlyArray<number>> => {
    const child = bunTest(copy, ["tests/mutants/driver.ts"], { MUTANT_DRIVEN: JSON.stringify({ files, mutants }) })
    const left = [...mutants]
    let quiet = setTimeout(() => {}, 0)
    const wait = () => {
      clearTimeout(quiet)
      quiet = setTimeout(() => child.kill("SIGKILL"), patience)
    }
    let broken: string | undefined
    const hear = (said: Said) => {
      if ("loaded" in said) for (const id of said.loaded) loaded.add(id)
      else if ("broken" in said) broken = said.broken
      else if ("id" in said) {
        left.shift()
        const { file, id, test } = said
        if (file === undefined) doubtful.push(id)
        else tell(id, { outcome: "killed", file, test: test! })
      } else if ("spoiled" in said) {
        left.shift()
        doubtful.push(said.spoiled)
      }
    }
    const errors = new Response(child.stderr).text()
    const decoder = new TextDecoder()
    let text = ""
    wait()
    for await (const bytes of child.stdout) {
      clearTimeout(quiet)
      text += decoder.decode(bytes, { stream: true })
      const lines = text.split("\n")
      text = lines.pop()!
      for (const line of lines) if (line.startsWith(MARK)) hear(JSON.parse(line.slice(MARK.length)) as Said)
      wait()
    }
    await child.exited
    clearTimeout(quiet)
    if (broken !== undefined) throw new Error(`A test fails without any mutant. ${broken}`)
    if (!existsSync(base)) throw new Error(`The tests do not run.\n${await errors}`)
    // It was ended in the middle of a mutant, or ended by itself: after a spoiled one, or over an error that nobody waited for.
    if (left.length > 0 && child.signalCode !== null) tell(left.shift()!, { outcome: "timed out" })
    else if (left.length > 0 && left.length === mutants.length) doubtful.push(left.shift()!)
    return left
  }

  /** Tries one in a process of its own, which also loads its place with it. */
  const alone = async (id: number): Promise<Verdict> => {
    const all = [...known.values()].sort((a, b) => a.ms - b.ms)
    // Of those that only load its place, those that run something of the same file; all of them for a file of constants.
    const near = all.filter(({ ids }) => neighbours(id).some((each) => ids.has(each)))
    const reached = loaded.has(id) ? (near.length > 0 ? near : all) : all.filter(({ ids }) => ids.has(id))
    if (reached.length === 0) return { outcome: "survived" }
    const child = bunTest(
      copy,
      reached.map(({ file }) => file),
      { MUTANT: String(id) }
    )
    const usual = reached.reduce((sum, { ms }) => sum + ms, 0)
    const timer = setTimeout(() => child.kill("SIGKILL"), NEVER_MS + 10 * usual)
    const [said] = await Promise.all([new Response(child.stderr).text(), new Response(child.stdout).text()])
    const code = await child.exited
    clearTimeout(timer)
    if (child.signalCode === "SIGKILL") return { outcome: "timed out" }
    if (code === 0) return { outcome: "survived" }
    const failed = /^\(fail\) (.*?)(?: \[[\d.]+m?s\])?$/m.exec(said)
    const file = reached.findLast((each) => said.slice(0, failed?.index).includes(`\n${each.file}:`))?.file
    return { outcome: "killed", file: file ?? reached[0]!.file, test: failed?.[1] ?? "it does not load" }
  }

  if (ids.length === 0) return
  rmSync(base, { force: true })
  await drive([])
  let slowest = 0
  for (const { file, ms, runs } of JSON.parse(readFileSync(base, "utf8")) as ReadonlyArray<Base>) {
    slowest = Math.max(slowest, ms)
    const before = known.get(file) ?? { file, ms: 0, ids: new Set() }
    before.ms += ms
    for (const [id] of runs) before.ids.add(id)
    known.set(file, before)
  }
  patience = 2 * NEVER_MS + 12 * slowest
  const shares = Array.from({ length: jobs }, (_, job) => ids.filter((_, i) => i % jobs === job))
  await Promise.all(
    shares.map(async (share) => {
      let left: ReadonlyArray<number> = share
      while (left.length > 0) left = await drive(left)
    })
  )
  const work = async () => {
    for (let id = doubtful.shift(); id !== undefined; id = doubtful.shift()) tell(id, await alone(id))
  }
  await Promise.all(Array.from({ length: jobs }, work))
}
