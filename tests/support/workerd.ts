/** The Worker of the template in a real workerd, through Miniflare, in this process: for tests and benches. */
import { join } from "node:path"
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare"
import { itself } from "../../cli/itself.ts"
import { bundleWorker, modulesOf, type WorkerBundle } from "../../cli/src/commands/dev/bundleWorker.ts"

const root = join(import.meta.dir, "../..")

/** What this workerd takes at most; the template's date is not above it. */
export const COMPATIBILITY_DATE = "2026-11-17"
export const WORKER = "hub"
export const OBJECT = "SyncDurableObject"

/** As a deployer's bundler makes it, the package's name resolved to its source. */
export const bundle = (entry: string, minify = false): Promise<WorkerBundle> =>
  bundleWorker(join(root, entry), { minify, plugins: [itself] })

let template: Promise<WorkerBundle> | undefined
/** Built once per test process. */
export const templateBundle = (): Promise<WorkerBundle> => {
  template ??= bundle("worker-template/src/worker.ts")
  return template
}

export interface Workerd {
  readonly mf: Miniflare
  /** `ws://127.0.0.1:port` */
  readonly url: string
  /** Process ids. */
  readonly pids: ReadonlyArray<number>
  /** Drops the tenant's object from memory; its sockets stay open. */
  readonly evict: (tenant: string) => Promise<void>
  /** Kill -9 of the workerd process. */
  readonly kill: () => void
  readonly stop: () => Promise<void>
}

export const startWorkerd = async (options: {
  readonly worker?: WorkerBundle
  readonly bindings?: Record<string, string>
  /** Where data lies; in memory without it. */
  readonly data?: string
  readonly port?: number
}): Promise<Workerd> => {
  const before = new Set(workerds())
  const mf = new Miniflare({
    ...convertV4MiniflareOptions({
      name: WORKER,
      modules: modulesOf(options.worker ?? (await templateBundle())),
      modulesRoot: "/",
      compatibilityDate: COMPATIBILITY_DATE,
      compatibilityFlags: ["no_web_socket_compression"],
      durableObjects: { SYNC: { className: OBJECT, useSQLite: true } },
      d1Databases: { DB: "hub" },
      bindings: options.bindings ?? { SYNC_AUTH: "off" },
      host: "127.0.0.1",
      port: options.port ?? 0,
      cf: false,
      unsafeInspectDurableObjects: true,
      log: new Log(LogLevel.NONE)
    }),
    ...(options.data === undefined ? {} : { resourcePersistencePath: options.data })
  })
  const { port } = await mf.ready
  const pids = workerds().filter((pid) => !before.has(pid))
  return {
    mf,
    url: `ws://127.0.0.1:${port}`,
    pids,
    evict: async (tenant) => {
      try {
        await mf.unsafeEvictDurableObject(WORKER, OBJECT, { name: tenant, webSockets: "hibernate" })
      } catch (error) {
        if (!String(error).includes("not currently running")) throw error
      }
    },
    kill: () => {
      for (const pid of pids) process.kill(pid, "SIGKILL")
    },
    stop: () => mf.dispose()
  }
}

/** Process ids of the workerds that are children of this process. */
const workerds = (): ReadonlyArray<number> => {
  const { stdout } = Bun.spawnSync(["ps", "-o", "pid=,comm=", "--ppid", String(process.pid)])
  return stdout
    .toString()
    .split("\n")
    .filter((line) => line.includes("workerd"))
    .map((line) => Number.parseInt(line, 10))
}
