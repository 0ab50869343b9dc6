/**
 * What is measured: hubs that speak the wire, each in a process of its own and with its data in memory where the machine
 * has such a folder, so that code is compared and not disks.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { bundle, startWorkerd } from "../../support/workerd.ts"

export interface Target {
  readonly name: Name
  /** `ws://127.0.0.1:port` */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** The process that serves. */
  readonly pid: number
  readonly stop: () => Promise<void>
}

export type Name =
  | "object"
  | "stock object"
  | "floor by row"
  | "floor by batch"
  | "floor by log"
  | "floor without storage"
  | "bun"
  | "stock bun"
  | "floor on bun"

/** The Workers, each as a deployer would bundle it. */
export const WORKERS = {
  object: "worker-template/src/worker.ts",
  "stock object": "tests/bench/workers/stock.ts",
  "floor by row": "tests/bench/workers/floor.ts",
  "floor by batch": "tests/bench/workers/floor.ts",
  "floor by log": "tests/bench/workers/floor.ts",
  "floor without storage": "tests/bench/workers/floor.ts"
} as const

const PROGRAMS = {
  bun: ["tests/bench/targets/bun.ts"],
  "stock bun": ["tests/interop/stockHub.ts", "file"],
  "floor on bun": ["tests/bench/targets/floor-bun.ts"]
} as const
/** What the floor's Worker keeps of a write. */
const FLOORS: Partial<Record<Name, string>> = {
  "floor by row": "row",
  "floor by log": "log",
  "floor without storage": "nothing"
}

/** A folder without a disk, where there is one. */
export const MEMORY = existsSync("/dev/shm") ? "/dev/shm" : tmpdir()

/**
 * Bun's allocator gives memory back after 10 ms unless it is told not to, and to take it again costs a client that hears much
 * more than all else it does: it is told not to in the process that measures, and only there.
 */
export const KEEPS_MEMORY = "MIMALLOC_PURGE_DELAY"

/** Access, roles and chain are on where there are such things. */
const TOKEN = "bench-token-of-enough-letters"

export const start = async (name: Name): Promise<Target> => {
  const data = mkdtempSync(join(MEMORY, "agent-sync-bench-"))
  const remove = () => rmSync(data, { recursive: true, force: true })
  const headers = { authorization: `Bearer ${TOKEN}` }
  if (name === "bun" || name === "stock bun" || name === "floor on bun") {
    const [program, ...rest] = PROGRAMS[name]
    const child = Bun.spawn([process.execPath, join(import.meta.dir, "../../..", program), ...rest, data], {
      env: { ...process.env, SYNC_AUTH_TOKEN: TOKEN, [KEEPS_MEMORY]: undefined },
      stdout: "pipe",
      // Stock hubs warn of each socket that closes.
      stderr: name === "bun" ? "inherit" : "ignore"
    })
    const { value } = await child.stdout.getReader().read()
    return {
      name,
      url: new URL(new TextDecoder().decode(value).trim()).origin,
      headers,
      pid: child.pid,
      stop: async () => {
        child.kill("SIGKILL")
        await child.exited
        remove()
      }
    }
  }
  const workerd = await startWorkerd({
    worker: await bundle(WORKERS[name], true),
    bindings: { SYNC_AUTH_TOKEN: TOKEN, FLOOR: FLOORS[name] ?? "batch" },
    data
  })
  return {
    name,
    url: workerd.url,
    headers,
    pid: workerd.pids[0]!,
    stop: async () => {
      await workerd.stop()
      remove()
    }
  }
}
