/** The package as it is published, in `dist`: a whole run has made it already (`tests/run.ts`), a single file makes it now. */
import { join } from "node:path"

const root = join(import.meta.dir, "../..")

export const built = () => {
  if (process.env.AGENT_SYNC_BUILT !== undefined) return
  const { stderr, success } = Bun.spawnSync([process.execPath, join(root, "cli/build.ts")], { cwd: root })
  if (!success) throw new Error(`the package does not build: ${stderr}`)
}
