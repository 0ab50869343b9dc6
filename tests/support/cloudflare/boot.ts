/** Runs a deployed version in Miniflare. Data of Durable Objects and D1 outlives a new version, as on Cloudflare. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare"
import type { Script, Version } from "./double.ts"

export interface Booted {
  readonly url: URL
  /** Rows of what a D1 binding of it holds. */
  readonly rows: (binding: string, sql: string) => Promise<ReadonlyArray<unknown>>
  readonly renew: (version: Version) => Promise<void>
  readonly dispose: () => Promise<void>
}

export const boot = async (
  script: Script,
  version: Version,
  where: { readonly port: number; readonly folder: string }
): Promise<Booted> => {
  if (script.booted !== undefined) {
    await script.booted.renew(version)
    return script.booted
  }
  const mf = new Miniflare(optionsOf(script, version, where))
  const url = await mf.ready
  return {
    url,
    rows: async (binding, sql) => (await (await mf.getD1Database(binding)).prepare(sql).all()).results,
    renew: async (next) => {
      await mf.setOptions(optionsOf(script, next, where))
      await mf.ready
    },
    dispose: () => mf.dispose()
  }
}

const optionsOf = (
  { name }: Script,
  { assets, metadata, modules, secrets }: Version,
  { folder, port }: { readonly port: number; readonly folder: string }
) => {
  const named = (type: string) => (metadata.bindings ?? []).filter((binding) => binding.type === type)
  const text = new Map([...named("plain_text").map((one) => [one.name, String(one.text)] as const), ...secrets])
  const main = metadata.main_module
  const config = metadata.assets?.config ?? {}
  const first = config.run_worker_first
  const directory = join(folder, "assets", name)
  if (assets.size > 0) writeAssets(directory, assets, config)
  const binding = named("assets")[0]?.name
  return convertV4MiniflareOptions({
    name,
    modulesRoot: "/upload",
    modules: modules
      .toSorted((a, b) => Number(b.name === main) - Number(a.name === main))
      .map(({ data, name, type }) =>
        type === "application/wasm"
          ? { type: "CompiledWasm" as const, path: `/upload/${name}`, contents: data }
          : { type: "ESModule" as const, path: `/upload/${name}`, contents: new TextDecoder().decode(data) }
      ),
    compatibilityDate: metadata.compatibility_date ?? "2026-11-17",
    compatibilityFlags: [...(metadata.compatibility_flags ?? [])],
    bindings: Object.fromEntries(text),
    durableObjects: Object.fromEntries(
      named("durable_object_namespace").map((one) => [one.name, { className: String(one.class_name), useSQLite: true }])
    ),
    d1Databases: Object.fromEntries(named("d1").map((one) => [one.name, String(one.id ?? one.database_id)])),
    ...(assets.size > 0
      ? {
          assets: {
            directory,
            ...(binding === undefined ? {} : { binding }),
            routerConfig: {
              has_user_worker: true,
              invoke_user_worker_ahead_of_assets: first === true,
              ...(Array.isArray(first) ? { static_routing: { user_worker: first.map(String) } } : {})
            }
          }
        }
      : {}),
    host: "127.0.0.1",
    port,
    cf: false,
    resourcePersistencePath: join(folder, "state"),
    log: new Log(LogLevel.ERROR)
  })
}

/** `_headers` and `_redirects` travel as settings, not as assets. */
const writeAssets = (directory: string, assets: Version["assets"], config: Readonly<Record<string, unknown>>) => {
  rmSync(directory, { recursive: true, force: true })
  const files = new Map<string, Uint8Array | string>(assets)
  for (const name of ["_headers", "_redirects"]) {
    const text = config[name]
    if (typeof text === "string") files.set(name, text)
  }
  for (const [path, data] of files) {
    const file = join(directory, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, data)
  }
}
