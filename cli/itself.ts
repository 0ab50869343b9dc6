/**
 * For bundles made in the repository: the package under its own name is its sources. What is published finds itself by
 * package.json, as JavaScript.
 */
import { join } from "node:path"
import type { BunPlugin } from "bun"
import manifest from "../package.json" with { type: "json" }

const root = join(import.meta.dir, "..")

export const itself: BunPlugin = {
  name: "the package by its own name",
  setup: (build) => {
    // A bundle for a browser or a Worker is what this is for; Bun's own finds `#platform` by itself.
    build.onResolve({ filter: /^#platform$/ }, () => ({ path: join(root, "sdk/src/sync/anyPlatform.ts") }))
    build.onResolve({ filter: /^#sqlite$/ }, () => ({ path: join(root, "sdk/src/node/sqlite.ts") }))
    build.onResolve({ filter: /^agent-sync(\/|$)/ }, ({ path }) => {
      const entry: unknown = Object.entries(manifest.exports).find(
        ([name]) => name === `.${path.slice("agent-sync".length)}`
      )?.[1]
      return typeof entry === "object" && entry !== null && "bun" in entry
        ? { path: join(root, String(entry.bun)) }
        : undefined
    })
  }
}
