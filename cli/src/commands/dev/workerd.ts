/**
 * The Worker itself on this machine: the project's own (folder `worker/`), else the template of this package, in workerd
 * under Miniflare, offline. Miniflare is a developer's dependency and loaded only here.
 */
import { existsSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { parseEnv } from "node:util"
import { JSONC } from "bun"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Env } from "#folders"
import { EXIT, Failure } from "../../Failure.ts"
import { bundleWorker, modulesOf } from "./bundleWorker.ts"

export interface WorkerdOptions {
  readonly port: number
  readonly host: string
  /** Where the objects' data lies; in memory without it. */
  readonly data: string | undefined
  readonly cwd: string
  /** The variables and secrets that go before those in `wrangler.jsonc` and `.dev.vars`. */
  readonly bindings: Env
}

export interface RunningWorkerd {
  readonly url: string
  readonly port: number
  /** The folder it was made of. */
  readonly folder: string
}

/** Runs until its scope closes. */
export const serveWorkerd = (options: WorkerdOptions) =>
  Effect.gen(function* () {
    const own = join(options.cwd, "worker")
    const folder = existsSync(join(own, CONFIG)) ? own : templateFolder()
    const config = yield* readConfig(folder)
    const bundled = yield* bundle(join(folder, config.main), folder)
    const others = listeners()
    const { Log, LogLevel, Miniflare, convertV4MiniflareOptions } = yield* loadMiniflare(folder)
    const { class_name, name } = config.env.dev.durable_objects.bindings[0]
    const viewer = config.assets === undefined ? undefined : join(folder, config.assets.directory)
    const mf = yield* Effect.acquireRelease(
      Effect.sync(
        () =>
          new Miniflare({
            ...convertV4MiniflareOptions({
              name: "agent-sync",
              modules: modulesOf(bundled),
              modulesRoot: "/",
              compatibilityDate: config.compatibility_date,
              compatibilityFlags: [...config.compatibility_flags],
              durableObjects: { [name]: { className: class_name, useSQLite: true } },
              d1Databases: Object.fromEntries(
                config.env.dev.d1_databases.map(({ binding, database_name }) => [binding, database_name ?? binding])
              ),
              bindings: { ...config.env.dev.vars, ...devVars(folder), ...defined(options.bindings) },
              ...(viewer === undefined || !existsSync(viewer)
                ? {}
                : {
                    assets: {
                      directory: viewer,
                      routerConfig: {
                        has_user_worker: true,
                        static_routing: { user_worker: [...(config.assets?.run_worker_first ?? [])] }
                      }
                    }
                  }),
              host: options.host,
              port: options.port,
              // Else it asks Cloudflare where this machine is.
              cf: false,
              log: new Log(LogLevel.ERROR)
            }),
            ...(options.data === undefined ? {} : { resourcePersistencePath: options.data })
          })
      ),
      (running) => Effect.promise(() => running.dispose().catch(() => {}))
    )
    // Miniflare ends this process by itself on a signal, before it is stopped in order.
    for (const [signal, listener] of listeners()) {
      if (!others.some(([, other]) => other === listener)) process.off(signal, listener)
    }
    const ready = yield* Effect.tryPromise({
      try: () => mf.ready,
      catch: (cause) => notStarted(cause, options, config)
    })
    yield* guarded
    const port = Number(ready.port)
    return { url: `ws://${options.host.includes(":") ? `[${options.host}]` : options.host}:${port}`, port, folder }
  })

const CONFIG = "wrangler.jsonc"

const listeners = () =>
  (["SIGINT", "SIGTERM"] as const).flatMap((signal) =>
    process.listeners(signal).map((listener) => [signal, listener] as const)
  )

const templateFolder = () =>
  join(dirname(fileURLToPath(import.meta.resolve("agent-sync/package.json"))), "worker-template")

/** What of `wrangler.jsonc` a local run needs. */
const Config = Schema.Struct({
  main: Schema.NonEmptyString,
  compatibility_date: Schema.NonEmptyString,
  compatibility_flags: Schema.optionalWith(Schema.Array(Schema.String), { default: () => [] }),
  assets: Schema.optionalWith(
    Schema.Struct({
      directory: Schema.String,
      run_worker_first: Schema.optionalWith(Schema.Array(Schema.String), { exact: true })
    }),
    { exact: true }
  ),
  env: Schema.Struct({
    dev: Schema.Struct({
      vars: Schema.optionalWith(Schema.Record({ key: Schema.String, value: Schema.String }), { default: () => ({}) }),
      durable_objects: Schema.Struct({
        bindings: Schema.NonEmptyArray(Schema.Struct({ name: Schema.String, class_name: Schema.String }))
      }),
      d1_databases: Schema.optionalWith(
        Schema.Array(Schema.Struct({ binding: Schema.String, database_name: Schema.optional(Schema.String) })),
        { default: () => [] }
      )
    })
  })
})

const readConfig = (folder: string) =>
  Effect.try({
    try: () => Schema.decodeUnknownSync(Config)(JSONC.parse(readFileSync(join(folder, CONFIG), "utf8"))),
    catch: (cause) =>
      failure({
        code: "BadWorkerConfig",
        what: `${join(folder, CONFIG)} cannot be run: ${cause instanceof Error ? cause.message : String(cause)}`,
        tries: [{ command: "agent-sync dev", why: "runs the embedded hub instead" }]
      })
  })

const devVars = (folder: string) => {
  const file = join(folder, ".dev.vars")
  return existsSync(file) ? defined(parseEnv(readFileSync(file, "utf8")) as Env) : {}
}

/** Without what is not set; an empty variable counts as unset. */
const defined = (env: Env): Record<string, string> =>
  Object.fromEntries(
    Object.entries(env).filter((one): one is [string, string] => one[1] !== undefined && one[1] !== "")
  )

const bundle = (entry: string, folder: string) =>
  Effect.tryPromise({
    try: () =>
      bundleWorker(entry, {
        plugins: [
          {
            name: "the package, where the folder has not installed it",
            setup: (build) => {
              build.onResolve({ filter: /^agent-sync\/worker$/ }, ({ path }) => ({ path: resolved(path, folder) }))
            }
          }
        ]
      }),
    catch: (cause) =>
      failure({
        code: "WorkerNotBuilt",
        what: `The Worker in ${folder} cannot be bundled: ${cause instanceof AggregateError ? cause.errors.map(String).join("; ") : String(cause)}`
      })
  })

/**
 * A package where one of these folders, or one above it, has installed it. Bun alone would fetch what it does not find.
 */
const installed = (name: string, path: string, folders: ReadonlyArray<string>): string | undefined => {
  for (const from of folders) {
    for (let folder = from; ; folder = dirname(folder)) {
      if (existsSync(join(folder, "node_modules", name, "package.json"))) return Bun.resolveSync(path, folder)
      if (folder === dirname(folder)) break
    }
  }
  return undefined
}

const resolved = (path: string, folder: string) =>
  installed("agent-sync", path, [folder]) ?? fileURLToPath(import.meta.resolve("agent-sync/worker"))

const MINIFLARE = "miniflare"

/** Of the Worker's folder, of the project, or of this package. */
const loadMiniflare = (folder: string): Effect.Effect<typeof import("miniflare"), Failure> =>
  Effect.tryPromise({
    try: async () => {
      const path = installed(MINIFLARE, MINIFLARE, [folder, process.cwd(), import.meta.dir])
      if (path === undefined) throw new Error("it is not installed")
      return (await import(pathToFileURL(path).href)) as typeof import("miniflare")
    },
    catch: () =>
      failure({
        code: "NoMiniflare",
        what: "The Worker runs here only with Miniflare, which is not installed.",
        tries: [
          { command: "bun add --dev --exact miniflare@5.20261117.0-beta", why: "installs it in this project" },
          { command: "agent-sync dev", why: "runs the embedded hub, which needs nothing" }
        ]
      })
  })

const notStarted = (cause: unknown, { host, port }: WorkerdOptions, config: typeof Config.Type) => {
  const text = cause instanceof Error ? cause.message : String(cause)
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined
  if (code === "ERR_ADDRESS_IN_USE" || /address already in use/i.test(text)) {
    return failure({
      code: "CannotListen",
      what: `Port ${port} on ${host} is taken by another program.`,
      tries: [{ command: "agent-sync dev --runtime workerd --port 0", why: "takes a free port" }]
    })
  }
  const newest = /newest date supported by this server binary is "([\d-]+)"/.exec(text)?.[1]
  if (newest !== undefined || /compatibility date/i.test(text)) {
    return failure({
      code: "WorkerdTooOld",
      what: `The Worker's compatibility_date is ${config.compatibility_date}; the workerd here ${newest === undefined ? "does not know it yet" : `knows none after ${newest}`}.`,
      tries: [{ command: "bun add --dev --exact miniflare@5.20261117.0-beta", why: "installs a newer workerd" }]
    })
  }
  return failure({ code: "WorkerdNotStarted", what: `The Worker did not start: ${text}` })
}

/**
 * workerd outlives a parent that is killed without a chance to end it, and keeps its port. A shell that waits for that ends
 * it then; where there is no `pgrep`, nothing waits.
 */
const guarded = Effect.acquireRelease(
  Effect.sync(() => {
    const found =
      Bun.which("pgrep") === null ? undefined : Bun.spawnSync(["pgrep", "-P", String(process.pid), "workerd"])
    const pids =
      found?.stdout
        .toString()
        .split("\n")
        .filter((pid) => pid !== "") ?? []
    if (pids.length === 0) return undefined
    return Bun.spawn(
      [
        "sh",
        "-c",
        'while kill -0 "$0" 2>/dev/null; do sleep 0.5; done; kill -9 "$@" 2>/dev/null',
        String(process.pid),
        ...pids
      ],
      { stdin: "ignore", stdout: "ignore", stderr: "ignore" }
    )
  }),
  (guard) => Effect.sync(() => guard?.kill())
)

const failure = (told: Pick<Failure, "code" | "what"> & Pick<Partial<Failure>, "tries">) =>
  new Failure({ exit: EXIT.failure, now: "No hub was started.", ...told })
