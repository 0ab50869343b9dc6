/**
 * `bun run test:agents`: real agents, installed from npm into a cache folder of the person's, against a scripted model on
 * loopback, recorded by `run` and `watch` at once. On purpose only: they take some 2 GB. Once they are installed nothing
 * but loopback can be reached, where the system lets us cut the rest off. Arguments go to `bun test` (`-t codex`).
 */
import { existsSync } from "node:fs"
import { join } from "node:path"
import { installed } from "./install.ts"

const agents = await installed((text) => console.error(text))
const tests = [
  process.execPath,
  "test",
  "--timeout",
  "400000",
  join(import.meta.dir, "runs.ts"),
  join(import.meta.dir, "asks.ts"),
  join(import.meta.dir, "claudeSdk.ts")
]
const command = [...tests, ...process.argv.slice(2)]
const alone = ["unshare", "--map-root-user", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
const canBeAlone = existsSync("/proc/self/ns/net") && Bun.spawnSync([...alone, "true"], { stderr: "ignore" }).success
if (!canBeAlone)
  console.error("This system does not let us cut off the network: the agents are only told to leave it alone.")
const child = Bun.spawn([...(canBeAlone ? alone : []), ...command], {
  env: { ...process.env, AGENT_SYNC_TEST_AGENTS: agents },
  stdin: "ignore",
  stdout: "inherit",
  stderr: "inherit"
})
process.exitCode = await child.exited
