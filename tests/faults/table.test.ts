/** The table of faults names a test for each promise: the tests are there, under those names. */
import { expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"

const root = join(import.meta.dir, "../..")
const rows = readFileSync(join(root, "sdk/FAULTS.md"), "utf8")
  .split("\n")
  .filter((line) => line.startsWith("| ") && line.includes("tests/"))

test("each fault has a promise, and a test that exists", () => {
  expect(rows.length).toBeGreaterThan(20)
  const astray = rows.filter((row) => {
    const [, fault, promise, file, name] = row.split("|").map((cell) => cell.trim())
    const source = readFileSync(join(root, file!.replaceAll("`", "")), "utf8")
    return fault === "" || promise === "" || !source.includes(`"${name}`)
  })
  expect(astray).toEqual([])
})
