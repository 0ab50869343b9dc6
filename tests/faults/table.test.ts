/** Tables that name a test for each promise or claim: no cell is empty, and the tests are there, under those names to the letter. */
import { expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"

const root = join(import.meta.dir, "../..")

/** Whether a file, in ticks, holds a test of that name. */
const holds = (file: string, name: string) => {
  if (!/^`tests\/.*\.ts`$/.test(file) || name === "") return false
  const source = readFileSync(join(root, file.replaceAll("`", "")), "utf8")
  return [`"${name}"`, `\`${name}\``].some((quoted) => source.includes(quoted))
}

test.each(["sdk/FAULTS.md", "sdk/SPECIFICATION.md"])("each row of %s has a promise, and a test that exists", (page) => {
  const rows = readFileSync(join(root, page), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim())
    )
    // Below the head; a title among the rows stands alone.
    .slice(2)
    .filter(([first, ...rest]) => !(first?.startsWith("**") && rest.every((cell) => cell === "")))
  expect(rows.length).toBeGreaterThan(20)
  const astray = rows.filter(
    ([what, promise, file = "", name = "", ...more]) => more.length > 0 || !what || !promise || !holds(file, name)
  )
  expect(astray).toEqual([])
})

test("each claim of sdk/SECURITY.md that names a test names one that exists", () => {
  const rows = readFileSync(join(root, "sdk/SECURITY.md"), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("|") && line.includes("`tests/"))
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim())
    )
  expect(rows.length).toBeGreaterThan(30)
  expect(rows.filter((row) => row.includes("") || !holds(row.at(-2)!, row.at(-1)!))).toEqual([])
})
