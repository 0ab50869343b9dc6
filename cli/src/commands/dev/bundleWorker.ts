/** A Worker as a deployment bundles it, for a workerd of this machine: one script, and beside it the WebAssembly it imports. */
import { basename, dirname, join } from "node:path"
import type { BunPlugin } from "bun"

export interface WorkerBundle {
  readonly script: string
  /** By the name under which the script imports it. */
  readonly wasm: ReadonlyMap<string, Uint8Array<ArrayBuffer>>
}

export const bundleWorker = async (
  entry: string,
  { minify = false, plugins = [] }: { readonly minify?: boolean; readonly plugins?: ReadonlyArray<BunPlugin> } = {}
): Promise<WorkerBundle> => {
  const wasm = new Map<string, Uint8Array<ArrayBuffer>>()
  const beside: BunPlugin = {
    name: "WebAssembly stays a module beside the script",
    setup: (build) => {
      build.onResolve({ filter: /\.wasm$/ }, async ({ importer, path }) => {
        const file = path.startsWith(".") ? join(dirname(importer), path) : Bun.resolveSync(path, importer)
        wasm.set(basename(file), await Bun.file(file).bytes())
        return { path: `./${basename(file)}`, external: true }
      })
    }
  }
  const built = await Bun.build({
    entrypoints: [entry],
    target: "browser",
    format: "esm",
    minify,
    external: ["cloudflare:*", "node:*"],
    conditions: ["workerd", "worker", "browser"],
    plugins: [beside, ...plugins]
  })
  return { script: await built.outputs[0]!.text(), wasm }
}

/** As Miniflare's `modules`, the script first; with `modulesRoot: "/"`. */
export const modulesOf = ({ script, wasm }: WorkerBundle) => [
  { type: "ESModule" as const, path: "/worker.js", contents: script },
  ...[...wasm].map(([name, contents]) => ({ type: "CompiledWasm" as const, path: `/${name}`, contents }))
]
