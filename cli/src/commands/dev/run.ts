/** Runs the embedded hub until a signal ends it. Who may connect: whoever holds a token of a tenant whose keys lie here. */
import { join } from "node:path"
import { type TenantId, tokenTenant } from "agent-sync"
import { EventLogRemoteServer, Home, SqliteStorage } from "agent-sync/bun"
import { DEFAULT_TENANT } from "agent-sync/events"
import { accessOf, hubLog, hubSettings, MemoryStorage } from "agent-sync/hub"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Logger from "effect/Logger"
import { type Env, foldersOf } from "#folders"
import { isLoopback, settings } from "../../Config.ts"
import { DEV_PORT } from "../../defaults.ts"
import { EXIT, Failure } from "../../Failure.ts"
import { hubVariables } from "../../HubVariables.ts"
import { authSecret, filesOf, makeKeys, type TenantFiles } from "../../Keys.ts"
import { paintFor, shortPath } from "../../paint.ts"
import { untilSignal } from "../../untilSignal.ts"
import { fit } from "../../wrap.ts"
import { pageBeside } from "../viewer/beside.ts"

export interface DevInput {
  readonly port: number
  readonly host: string
  readonly data: string | undefined
  readonly memory: boolean
  readonly noAuth: boolean
  readonly runtime: "bun" | "workerd"
  readonly json: boolean
}

export const run = (input: DevInput) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { host, port } = input
      const started = performance.now()
      const folders = foldersOf(process.env)
      // The tenant of this folder gets its keys now, so that `run` and `tail` beside it find them.
      const found = yield* settings({}, { env: process.env, cwd: process.cwd() })
      const { presets, preset } = found
      const own = preset === undefined ? {} : (presets[preset] ?? {})
      const vars = yield* hubVariables(preset, own, input.runtime === "workerd" ? "worker" : "bun")
      const env = { ...vars, ...setIn(process.env) }
      const given = yield* Either.mapLeft(hubSettings(env), badSetting)
      const memory = input.memory || own.storage === "memory"
      const noAuth = input.noAuth || given.open
      if (!noAuth && given.sharedToken === undefined) yield* makeKeys(found.files)

      const data = input.data ?? folders.hub
      if (input.runtime === "workerd") {
        const folder = memory ? undefined : (input.data ?? join(folders.hub, "workerd"))
        const server = yield* yield* workerd(input, folder, found, env, noAuth)
        ready(input, server, `${shortPath(server.folder)} in workerd, ${keptIn(folder)}`, started, noAuth)
        return yield* untilSignal
      }
      const access = accessOf({ ...given, open: noAuth }, (tenant, token) =>
        authSecret(filesOf(folders, tokenTenant(token) ?? tenant))
      )
      const server = yield* EventLogRemoteServer.make({
        port,
        hostname: host,
        access,
        settings: { ...given, defaultTenant: given.defaultTenant ?? DEFAULT_TENANT },
        storageKind: memory ? "memory" : "sqlite",
        page: pageBeside(),
        storage: (tenant: TenantId) =>
          memory ? Either.right(MemoryStorage.make()) : SqliteStorage.open(Home.tenantFile(data, tenant))
      }).pipe(
        Effect.provide(hubLog(given.debug, Logger.withConsoleError)),
        Effect.mapError(
          (error) =>
            new Failure({
              exit: EXIT.failure,
              code: "CannotListen",
              what: error.message,
              now: "No hub was started.",
              tries: [{ command: "agent-sync dev --port 0", why: "takes a free port" }]
            })
        )
      )

      ready(input, server, memory ? "in memory only" : `SQLite in ${shortPath(data)}`, started, noAuth)
      return yield* untilSignal
    })
  )

const badSetting = ({ name, what }: { readonly name: string; readonly what: string }) =>
  new Failure({
    exit: EXIT.usage,
    code: "BadSetting",
    what,
    now: "No hub was started.",
    tries: [{ command: `unset ${name}`, why: "goes without it" }]
  })

/** The secret is that of this folder's tenant: a Worker has one, where the embedded hub looks for each tenant's own. */
const workerd = (
  { host, port }: DevInput,
  data: string | undefined,
  { files }: { readonly files: TenantFiles },
  env: Env,
  noAuth: boolean
) =>
  Effect.promise(() => import("./workerd.ts")).pipe(
    Effect.map(({ serveWorkerd }) => {
      const secret = authSecret(files)
      const given = Object.entries(env).filter(([name]) => name.startsWith("SYNC_"))
      return serveWorkerd({
        port,
        host,
        data,
        cwd: process.cwd(),
        bindings: {
          SYNC_DEFAULT_TENANT: DEFAULT_TENANT,
          ...(secret === undefined ? {} : { SYNC_AUTH_SECRET: new TextDecoder().decode(secret) }),
          ...Object.fromEntries(given),
          ...(noAuth ? { SYNC_AUTH: "off" } : {})
        }
      })
    })
  )

/** An empty variable counts as unset. */
const setIn = (env: Env): Env => Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ""))

const keptIn = (data: string | undefined) => (data === undefined ? "in memory only" : `data in ${shortPath(data)}`)

const ready = (
  { host, json }: DevInput,
  server: { readonly url: string; readonly port: number },
  where: string,
  started: number,
  noAuth: boolean
) => {
  if (json) {
    process.stdout.write(`${JSON.stringify({ schema: 1, ready: true, url: server.url, port: server.port })}\n`)
    return
  }
  const paint = paintFor(process.stderr)
  const took = `${((performance.now() - started) / 1000).toFixed(1)}s`
  const at = server.port === DEV_PORT ? "" : ` --url ws://${host}:${server.port}`
  const record = `agent-sync run${at} -- claude -p …`
  const lines = [
    `  ${paint.green("✓")} hub on ${host}:${server.port}, ${where}  ${paint.dim(took)}`,
    ...(noAuth && !isLoopback(server.url)
      ? [`  ${paint.yellow("!")} anyone who reaches ${host}:${server.port} may write to it and read sealed entries`]
      : []),
    "",
    `  Next  ${paint.cyan(record)}  record, in another terminal`,
    `        ${paint.cyan(`agent-sync tail${at}`.padEnd(record.length))}  watch`
  ]
  process.stderr.write(fit(`${lines.join("\n")}\n\n`, process.stderr))
}
