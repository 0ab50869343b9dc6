import { Database } from "bun:sqlite"
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { failureOf } from "../../../sdk/src/bun/journal/failure.ts"
import { JournalFailed } from "../../../sdk/src/journal/Journal.ts"

/** Real failures of SQLite and the system, since their codes are what is read. */
describe("failureOf", () => {
  let folder = ""
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "agent-sync-failure-"))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const caught = (act: () => unknown): unknown => {
    try {
      act()
    } catch (error) {
      return error
    }
    throw new Error("it did not fail")
  }
  const database = (name: string) => {
    const made = new Database(join(folder, name))
    made.run("CREATE TABLE t (a BLOB)")
    return made
  }
  const tell = (error: unknown) => {
    const { message, reason } = failureOf("/state/acme.sqlite", error)
    expect(message).toContain("/state/acme.sqlite")
    return [reason, message]
  }

  test("calls a disk without room full", () => {
    const small = database("full")
    small.run("PRAGMA max_page_count = 4")
    const error = caught(() => small.run("INSERT INTO t VALUES (zeroblob(100000))"))
    small.close()
    expect(tell(error)).toEqual(["full", expect.stringContaining("Free some space")])
  })

  test("calls a file that may not be written read-only", () => {
    database("read").close()
    const opened = new Database(join(folder, "read"), { readonly: true })
    const error = caught(() => opened.run("INSERT INTO t VALUES (1)"))
    opened.close()
    expect(tell(error)).toEqual(["read-only", expect.stringContaining("right to write")])
    expect(tell(caught(() => new Database(join(folder, "nowhere", "x"))))[0]).toBe("read-only")
  })

  test("calls a file that another connection holds locked", () => {
    const [one, two] = [database("locked"), new Database(join(folder, "locked"))]
    one.run("BEGIN IMMEDIATE")
    const error = caught(() => two.run("BEGIN IMMEDIATE"))
    one.close()
    two.close()
    expect(tell(error)).toEqual(["locked", expect.stringContaining("Another program")])
  })

  test("calls other bytes damaged", () => {
    writeFileSync(join(folder, "bytes"), "no database ".repeat(1_000))
    const opened = new Database(join(folder, "bytes"))
    const error = caught(() => opened.run("CREATE TABLE t (a)"))
    opened.close()
    expect(tell(error)).toEqual(["damaged", expect.stringContaining("Move it away")])
  })

  test("repeats what else went wrong, and lets a failure of the journal's own pass", () => {
    mkdirSync(join(folder, "taken"), { recursive: true })
    const error = caught(() => writeFileSync(join(folder, "taken"), ""))
    expect(tell(error)).toEqual(["other", expect.stringContaining("EISDIR")])
    const own = new JournalFailed({ reason: "newer", what: "It is newer." })
    expect(failureOf("/state/acme.sqlite", own)).toBe(own)
  })
})
