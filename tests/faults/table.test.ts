/** Tables that name a test for each promise: the tests are there, under those names. */
import { expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"

const root = join(import.meta.dir, "../..")

test.each(["sdk/FAULTS.md", "sdk/SPECIFICATION.md"])("each row of %s has a promise, and a test that exists", (page) => {
  const rows = readFileSync(join(root, page), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("| ") && line.includes("tests/"))
  expect(rows.length).toBeGreaterThan(20)
  const astray = rows.filter((row) => {
    const [, what, promise, file, name] = row.split("|").map((cell) => cell.trim())
    const source = readFileSync(join(root, file!.replaceAll("`", "")), "utf8")
    return what === "" || promise === "" || ![`"${name}`, `\`${name}`].some((start) => source.includes(start))
  })
  expect(astray).toEqual([])
})
