/** The explanations, without the mutants: that is for `bun run test:mutants`. */
import { expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { sourcesOf } from "./areas.ts"
import { readExplained } from "./explained.ts"

const root = join(import.meta.dir, "../..")

test("every mutant that is explained away is one of a line that is there, in a file that is mutated, with a reason", () => {
  const mutated = new Set(sourcesOf(root, []).map(({ file }) => file))
  const astray = readExplained().filter(({ because, becomes, file, line }) => {
    if (!mutated.has(file) || because.length < 10 || becomes.length === 0 || becomes.includes(line)) return true
    const lines = readFileSync(join(root, file), "utf8").split("\n")
    return !lines.some((text) => text.trim() === line)
  })
  expect(astray).toEqual([])
})
