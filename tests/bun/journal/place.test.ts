import { describe, expect, test } from "bun:test"
import { copyFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { isSamePlace, type Place, placeOf } from "../../../sdk/src/bun/journal/place.ts"

const here: Place = { machine: "one", inode: "12", device: "65024", born: "1795548053443666475" }

describe("isSamePlace", () => {
  test("knows a file again after a restart that numbered the devices anew", () => {
    expect(isSamePlace(here, { ...here, device: "65025" })).toBe(true)
  })

  test("tells apart another machine, another inode, and an inode that was used again", () => {
    expect(isSamePlace(here, { ...here, machine: "two" })).toBe(false)
    expect(isSamePlace(here, { ...here, inode: "13" })).toBe(false)
    expect(isSamePlace(here, { ...here, born: "1795548053443666476" })).toBe(false)
  })

  test("goes by the device where a file system keeps no birth time", () => {
    expect(isSamePlace({ ...here, born: "" }, here)).toBe(true)
    expect(isSamePlace({ ...here, born: "" }, { ...here, device: "65025" })).toBe(false)
  })
})

test("placeOf names a file, not its name: it follows a rename, and not a copy", () => {
  const folder = mkdtempSync(join(tmpdir(), "agent-sync-place-"))
  const [a, b, c] = ["a", "b", "c"].map((name) => join(folder, name)) as [string, string, string]
  writeFileSync(a, "one")
  const before = placeOf(a)
  writeFileSync(a, "one and two")
  copyFileSync(a, b)
  renameSync(a, c)
  expect(isSamePlace(before, placeOf(c))).toBe(true)
  expect(isSamePlace(before, placeOf(b))).toBe(false)
  rmSync(folder, { recursive: true })
})
