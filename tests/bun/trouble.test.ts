/** Each binding of SQLite names what went wrong in its own way; the sentence for the person is the same. */
import { expect, test } from "bun:test"
import { troubleOf } from "../../sdk/src/bun/trouble.ts"

test.each([
  ["full", "SQLITE_FULL", 13],
  ["read-only", "SQLITE_READONLY_DIRECTORY", 1544],
  ["read-only", "SQLITE_CANTOPEN", 14],
  ["locked", "SQLITE_BUSY_SNAPSHOT", 517],
  ["damaged", "SQLITE_NOTADB", 26],
  ["other", "SQLITE_ERROR", 1]
] as const)("%s: Bun says %s, Node says %d", (trouble, code, errcode) => {
  expect(troubleOf(Object.assign(new Error(), { code }))).toBe(trouble)
  expect(troubleOf(Object.assign(new Error(), { code: "ERR_SQLITE_ERROR", errcode }))).toBe(trouble)
})

test("what the system says counts too, and what is no error is another trouble", () => {
  expect(troubleOf(Object.assign(new Error(), { code: "ENOSPC" }))).toBe("full")
  for (const what of [undefined, null, "text", {}, { code: 13 }]) expect(troubleOf(what)).toBe("other")
})
