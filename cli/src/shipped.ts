/** Files that come with the package, found by its public name: in the repository and where it is installed alike. */
import { readdirSync, readFileSync, statSync } from "node:fs"
import { join, relative } from "node:path"
import { fileURLToPath } from "node:url"

export interface ShippedFile {
  /** Path below the template's folder. */
  readonly path: string
  readonly text: string
}

/** What a project of the template's own makes, and not what `init` writes. */
const MADE = new Set(["node_modules", ".wrangler", "dist", "bun.lock", ".dev.vars"])

/** The Worker project as `init` writes it, before names are filled in. */
export const workerTemplate = (): ReadonlyArray<ShippedFile> => {
  const folder = join(fileURLToPath(import.meta.resolve("agent-sync/worker-template/package.json")), "..")
  const below = (here: string): ReadonlyArray<string> =>
    readdirSync(here)
      .filter((name) => !MADE.has(name))
      .flatMap((name) => {
        const path = join(here, name)
        return statSync(path).isDirectory() ? below(path) : [path]
      })
  return below(folder)
    .toSorted()
    .map((path) => ({ path: relative(folder, path), text: readFileSync(path, "utf8") }))
}
