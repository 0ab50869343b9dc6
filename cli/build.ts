/**
 * `bun run build`: what is published. The command as one minified bundle that needs no package beside it, the SDK as
 * JavaScript with types, a file for each source file. The repository itself runs from its sources and needs none of it.
 */
import { copyFileSync, existsSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Home } from "agent-sync/bun"
import * as JSONSchema from "effect/JSONSchema"
import { buildViewer } from "../viewer-static/build.ts"
import { bundle } from "./bundle.ts"

const root = join(import.meta.dir, "..")
/** What is there is used while this is made: it changes places at the end. */
const dist = join(root, `.build/dist-${process.pid}`)

interface World {
  /** Folders and files of `sdk/src`. */
  readonly rooms: ReadonlyArray<string>
  readonly lib: ReadonlyArray<string>
  readonly types: ReadonlyArray<string>
}

/** Rooms that see different global names are compiled one after the other; what they share comes out the same each time. */
const CLOUDFLARE = ["worker"]
const BROWSER = ["browser"]
const rooms = readdirSync(join(root, "sdk/src"))
const worlds: ReadonlyArray<World> = [
  { rooms: rooms.filter((room) => ![...CLOUDFLARE, ...BROWSER].includes(room)), lib: ["ES2023"], types: ["bun"] },
  { rooms: CLOUDFLARE, lib: ["ES2023"], types: ["@cloudflare/workers-types"] },
  { rooms: BROWSER, lib: ["ES2023", "DOM"], types: [] }
]

const compile = ({ lib, rooms: all, types }: World) => {
  const there = all.filter((room) => rooms.includes(room))
  if (there.length === 0) return
  const folder = mkdtempSync(join(tmpdir(), "agent-sync-build-"))
  const config = {
    extends: join(root, "tsconfig.json"),
    compilerOptions: {
      noEmit: false,
      declaration: true,
      allowImportingTsExtensions: false,
      rewriteRelativeImportExtensions: true,
      rootDir: join(root, "sdk/src"),
      outDir: join(dist, "sdk"),
      lib,
      types,
      typeRoots: [join(root, "node_modules/@types"), join(root, "node_modules")]
    },
    include: there.map((room) => join(root, "sdk/src", room)),
    exclude: []
  }
  try {
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config))
    const { exitCode, stdout } = Bun.spawnSync([process.execPath, "x", "tsc", "-p", folder], { cwd: root })
    if (exitCode !== 0) throw new Error(`The SDK does not compile:\n${stdout}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** What editors check `agent-sync.json` with. */
const schema = () =>
  writeFileSync(
    join(dist, "agent-sync.schema.json"),
    `${JSON.stringify({ title: "agent-sync.json", ...JSONSchema.make(Home.ConfigFile) }, null, 2)}\n`
  )

/** Two builds at a time leave the one that ends last. */
const changePlaces = () => {
  const to = join(root, "dist")
  for (let tries = 0; existsSync(dist); tries++) {
    const before = `${dist}-before-${tries}`
    try {
      if (existsSync(to)) renameSync(to, before)
      renameSync(dist, to)
    } catch (error) {
      // The other one was quicker.
      if (tries === 20) throw error
    } finally {
      rmSync(before, { recursive: true, force: true })
    }
  }
}

rmSync(dist, { recursive: true, force: true })
await bundle(join(dist, "cli"))
await buildViewer(join(dist, "viewer"))
for (const world of worlds) compile(world)
copyFileSync(join(root, "sdk/src/worker/sha256.wasm"), join(dist, "sdk/worker/sha256.wasm"))
schema()
changePlaces()
