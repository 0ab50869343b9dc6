/** `bun run build:wasm`: the WebAssembly of the Worker from its text. It is kept beside it: who bundles a Worker need not build it. */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import wabt from "wabt"

const folder = join(import.meta.dir, "../sdk/src/worker")

export const wasmOf = async (name: string): Promise<Uint8Array> => {
  const { parseWat } = await wabt()
  const module = parseWat(name, readFileSync(join(folder, name), "utf8"), { bulk_memory: true })
  return module.toBinary({}).buffer
}

if (import.meta.main) writeFileSync(join(folder, "sha256.wasm"), await wasmOf("sha256.wat"))
