/**
 * A real Node of 22.16 or later, which has SQLite: the one that `AGENT_SYNC_NODE` names, the one on the path, or one that
 * npm's package `node` left in Bun's cache. Undefined where this machine has none.
 */
import { join } from "node:path"
import { Glob } from "bun"

const cache = process.env.BUN_INSTALL_CACHE_DIR ?? join(process.env.HOME ?? "", ".bun/install/cache")

const isNewEnough = (path: string) => {
  const { stdout } = Bun.spawnSync([path, "--version"])
  return Bun.semver.satisfies(stdout.toString().trim().slice(1), ">=22.16.0")
}

const named = process.env.AGENT_SYNC_NODE
const found = function* () {
  if (named !== undefined && named !== "") yield named
  const onPath = Bun.which("node")
  if (onPath !== null) yield onPath
  try {
    yield* new Glob("node-*@*/bin/node").scanSync({ cwd: cache, absolute: true })
  } catch {
    // There is no such folder.
  }
}

export const node: string | undefined = [...found()].find(isNewEnough)
