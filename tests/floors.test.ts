/** The map of the house as a test: imports run down, or stay in their room; edges use the package's public names. */
import { expect, test } from "bun:test"
import { join } from "node:path"
import { Glob, Transpiler } from "bun"

/** Ground first. A room imports from the floors below it, and from itself. */
const floors = [
  ["domain", "protocol"],
  ["agents", "crypto", "journal"],
  ["sync", "hub"],
  ["stores"],
  ["runtime"],
  ["bun", "worker", "browser"],
  // What Bun's room does, on Node's SQLite.
  ["node"]
]
const floorOf = (room: string) => floors.findIndex((rooms) => rooms.includes(room))
const root = join(import.meta.dir, "..")
const transpiler = new Transpiler({ loader: "ts" })

const importsOf = async (folder: string) => {
  const found: Array<{ file: string; path: string }> = []
  for (const file of new Glob("**/*.ts").scanSync(join(root, folder))) {
    // Bun's transpiler stops at the line by which a script names its interpreter.
    const source = (await Bun.file(join(root, folder, file)).text()).replace(/^#!.*/, "")
    for (const { path } of transpiler.scanImports(source)) found.push({ file, path })
  }
  return found
}

test("every import in sdk/src goes down or stays in its room", async () => {
  const imports = await importsOf("sdk/src")
  const astray = imports.filter(({ file, path }) => {
    const room = file.split("/")[0]!
    if (!file.includes("/") || !path.startsWith(".")) return false
    const target = join(file, "..", path).split("/")[0]!
    return target !== room && floorOf(target) >= floorOf(room)
  })
  expect(astray).toEqual([])
  expect(imports.length).toBeGreaterThan(100)
})

test("every room of sdk/src stands on a floor", async () => {
  const rooms = new Set([...new Glob("*/*.ts").scanSync(join(root, "sdk/src"))].map((file) => file.split("/")[0]!))
  expect([...rooms].filter((room) => floorOf(room) === -1)).toEqual([])
})

test("only the platform rooms name a platform", async () => {
  const astray = (await importsOf("sdk/src")).filter(
    ({ file, path }) => floorOf(file.split("/")[0]!) < 5 && /^(node:|bun|cloudflare:)/.test(path)
  )
  expect(astray).toEqual([])
})

test("the command line reaches the sdk by its public names only", async () => {
  const astray = (await importsOf("cli")).filter(({ path }) => path.includes("sdk/src"))
  expect(astray).toEqual([])
})

test("Effect is imported by deep path, so that programs start fast", async () => {
  const barrels = ["effect", "@effect/cli", "@effect/experimental", "@effect/platform", "@effect/platform-bun"]
  const astray = [...(await importsOf("sdk/src")), ...(await importsOf("cli"))].filter(({ path }) =>
    barrels.includes(path)
  )
  expect(astray).toEqual([])
})
