/**
 * What earlier runs found, so that a run tries only what changed. A result holds while the mutated file and the tests
 * that decided it are the same, with what those tests share; that something else changed is not seen (`--fresh`).
 */
import { appendFileSync, existsSync, readFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { Transpiler } from "bun"
import type { Mutant } from "./instrument.ts"
import type { Verdict } from "./trial.ts"

interface Line extends Verdict {
  /** The mutated file and its text, the mutant, the tests and their texts. */
  readonly of: string
}

const hash = (...texts: ReadonlyArray<string>) => Bun.hash(texts.join("\0")).toString(36)

/** The text of a test file and of everything in `tests` that it imports. */
const makeTextsOf = (root: string) => {
  const transpiler = new Transpiler({ loader: "ts" })
  const known = new Map<string, string>()
  return (file: string): string => {
    const before = known.get(file)
    if (before !== undefined) return before
    const seen = new Set<string>()
    const visit = (at: string) => {
      if (seen.has(at) || !existsSync(join(root, at))) return
      seen.add(at)
      for (const { path } of transpiler.scanImports(readFileSync(join(root, at), "utf8"))) {
        const target = relative(root, join(root, dirname(at), path))
        if (path.startsWith(".") && target.startsWith("tests/") && target.endsWith(".ts")) visit(target)
      }
    }
    visit(file)
    const text = hash(...[...seen].map((at) => readFileSync(join(root, at), "utf8")))
    known.set(file, text)
    return text
  }
}

export const makeResults = (root: string, cache: string) => {
  const path = join(cache, "results.jsonl")
  const textsOf = makeTextsOf(root)
  const known = new Map<string, Verdict>()
  if (existsSync(path)) {
    for (const line of readFileSync(path, "utf8").split("\n")) {
      if (line === "") continue
      const { of, ...verdict } = JSON.parse(line) as Line
      known.set(of, verdict)
    }
  }
  const nameOf = ({ file, key }: Mutant, tests: ReadonlyArray<string>) =>
    hash(file, key, ...tests.flatMap((test) => [test, textsOf(test)]))
  return {
    /** `tests` are all that could decide. */
    find: (mutant: Mutant, tests: ReadonlyArray<string>): Verdict | undefined => {
      for (const test of tests) {
        const verdict = known.get(nameOf(mutant, [test]))
        if (verdict !== undefined && verdict.outcome !== "survived") return verdict
      }
      return known.get(nameOf(mutant, tests))
    },
    keep: (mutant: Mutant, tests: ReadonlyArray<string>, verdict: Verdict) => {
      const of = nameOf(mutant, verdict.file === undefined ? tests : [verdict.file])
      known.set(of, verdict)
      appendFileSync(path, `${JSON.stringify({ of, ...verdict } satisfies Line)}\n`)
    }
  }
}
