/**
 * A stand-in on loopback for the part of Cloudflare's v4 API that wrangler 4.164 uses to deploy a Worker with Durable Objects,
 * assets, secrets and D1. What is uploaded is kept in memory and booted in Miniflare (`boot.ts`), so that a client can connect
 * to what was deployed. Faithful as far as wrangler accepts it; the real API was not asked.
 */
import { createHash } from "node:crypto"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Booted, boot } from "./boot.ts"

export type Json = Record<string, unknown>

export interface Binding extends Json {
  readonly name: string
  readonly type: string
}
export interface Metadata {
  readonly main_module: string
  bindings?: Array<Binding>
  readonly compatibility_date?: string
  readonly compatibility_flags?: ReadonlyArray<string>
  readonly keep_bindings?: ReadonlyArray<string>
  readonly migrations?: { readonly old_tag?: string; readonly new_tag?: string }
  readonly annotations?: Json
  readonly assets?: { readonly jwt?: string; readonly config?: Json }
}
export interface Version {
  readonly id: string
  readonly number: number
  readonly created: string
  readonly metadata: Metadata
  readonly modules: ReadonlyArray<{
    readonly name: string
    readonly type: string
    readonly data: Uint8Array<ArrayBuffer>
  }>
  readonly secrets: ReadonlyMap<string, string>
  readonly assets: ReadonlyMap<string, Uint8Array>
}
interface Deployment {
  readonly id: string
  readonly created: string
  readonly versions: ReadonlyArray<{ readonly version_id: string; readonly percentage: number }>
}
export interface Script {
  readonly name: string
  readonly created: string
  readonly versions: Array<Version>
  readonly deployments: Array<Deployment>
  secrets: Map<string, string>
  migrationTag: string | undefined
  booted: Booted | undefined
}

export interface CloudflareDouble {
  /** What wrangler needs in its environment. */
  readonly env: Readonly<Record<string, string>>
  /** Where what was deployed answers. */
  readonly url: string
  readonly scripts: ReadonlyMap<string, Script>
  readonly databases: ReadonlyMap<string, { readonly uuid: string; readonly name: string }>
  /** `POST /accounts/:account/…`, in order. */
  readonly requests: ReadonlyArray<string>
  /** The next request that fits is answered with this error instead. */
  readonly failOnce: (request: RegExp, status: number, code: number, message: string) => void
  readonly stop: () => Promise<void>
}

const TOKEN = "test-token"
export const ACCOUNT = "0123456789abcdef0123456789abcdef"

/** A port that nobody listens on now. */
const freePort = async () => {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() })
  const { port } = server
  await server.stop(true)
  return port ?? 0
}

/** Workers answer at `url`, one at a time. */
export const startCloudflareDouble = async (): Promise<CloudflareDouble> => {
  const workerPort = await freePort()
  const scripts = new Map<string, Script>()
  const databases = new Map<string, { readonly uuid: string; readonly name: string }>()
  const blobs = new Map<string, Uint8Array>()
  const sessions = new Map<string, Record<string, { readonly hash: string }>>()
  const requests: Array<string> = []
  const folder = mkdtempSync(join(tmpdir(), "agent-sync-cloudflare-"))
  let failing: { readonly request: RegExp; readonly answer: Response } | undefined

  const live = ({ deployments, versions }: Script) =>
    versions.find(({ id }) => id === deployments[0]?.versions[0]?.version_id)

  const run = async (script: Script) => {
    const version = live(script)
    if (version !== undefined) script.booted = await boot(script, version, { port: workerPort, folder })
  }

  const upload = async (script: Script, form: Form): Promise<Version> => {
    const metadata = JSON.parse(String(form.get("metadata"))) as Metadata
    const modules: Array<Version["modules"][number]> = []
    for (const [name, part] of form.entries()) {
      // A part's type is guessed from its file name, so source maps are told by name.
      if (name === "metadata" || typeof part === "string" || name.endsWith(".map")) continue
      modules.push({ name, type: part.type, data: new Uint8Array(await part.arrayBuffer()) })
    }
    const before = live(script)
    const kept = (before?.metadata.bindings ?? []).filter(
      ({ name, type }) =>
        metadata.keep_bindings?.includes(type) === true && !(metadata.bindings ?? []).some((one) => one.name === name)
    )
    metadata.bindings = [...(metadata.bindings ?? []), ...kept]
    for (const binding of metadata.bindings) {
      if (binding.type === "secret_text" && typeof binding.text === "string")
        script.secrets.set(binding.name, binding.text)
    }
    const astray = metadata.bindings.find(({ id, type }) => type === "d1" && !databases.has(String(id)))
    if (astray !== undefined) {
      throw new ApiError(
        400,
        10181,
        `D1 binding '${astray.name}' references database '${astray.id}' which was not found.`
      )
    }
    const { migrations } = metadata
    if (migrations?.new_tag !== undefined) {
      if (migrations.old_tag !== script.migrationTag)
        throw new ApiError(412, 10079, "Migration tag precondition failed")
      script.migrationTag = migrations.new_tag
    }
    const manifest =
      metadata.assets?.jwt === undefined ? undefined : sessions.get(metadata.assets.jwt.split(".")[1] ?? "")
    const version: Version = {
      id: crypto.randomUUID(),
      number: script.versions.length + 1,
      created: new Date().toISOString(),
      metadata,
      modules,
      secrets: new Map(script.secrets),
      assets: new Map(
        Object.entries(manifest ?? {}).flatMap(([path, { hash }]) => {
          const data = blobs.get(hash)
          return data === undefined ? [] : [[path, data] as const]
        })
      )
    }
    script.versions.push(version)
    return version
  }

  const deploy = async (script: Script, versions: Deployment["versions"]) => {
    const deployment = { id: crypto.randomUUID(), created: new Date().toISOString(), versions }
    script.deployments.unshift(deployment)
    await run(script)
    return deployment
  }
  const known = (name: string): Script => {
    const script = scripts.get(name)
    if (script === undefined) throw new ApiError(404, 10007, "This Worker does not exist on your account.")
    return script
  }
  const made = (name: string): Script => {
    const script = scripts.get(name) ?? {
      name,
      created: new Date().toISOString(),
      versions: [],
      deployments: [],
      secrets: new Map(),
      migrationTag: undefined,
      booted: undefined
    }
    scripts.set(name, script)
    return script
  }

  type Handler = (request: Request, parts: ReadonlyArray<string>, query: URLSearchParams) => unknown
  const A = `/accounts/${ACCOUNT}`
  const routes: ReadonlyArray<readonly [string, Handler]> = [
    ["GET /user", () => ({ id: "u1", email: "dev@example.com" })],
    ["GET /user/tokens/verify", () => ({ id: "t1", status: "active" })],
    ["GET /accounts", () => page([{ id: ACCOUNT, name: "Acme", type: "standard" }])],
    [
      "GET /memberships",
      () =>
        page([
          {
            id: "m1",
            status: "accepted",
            account: { id: ACCOUNT, name: "Acme" },
            roles: ["Administrator"],
            api_access_enabled: true
          }
        ])
    ],
    [`GET ${A}`, () => ({ id: ACCOUNT, name: "Acme" })],
    [`GET ${A}/workers/subdomain`, () => ({ subdomain: "test" })],
    [`GET ${A}/workers/account-settings`, () => ({ default_usage_model: "standard", green_compute: false })],
    [
      `GET ${A}/workers/services/*`,
      (_, [name = ""]) => {
        const script = scripts.get(name)
        if (script === undefined) throw new ApiError(404, 10090, "workers.api.error.service_not_found")
        return {
          id: name,
          default_environment: {
            environment: "production",
            created_on: script.created,
            modified_on: script.created,
            script: describe(script, live(script))
          },
          environments: [{ environment: "production" }],
          created_on: script.created
        }
      }
    ],
    [`GET ${A}/workers/scripts`, () => page([...scripts.values()].map((script) => describe(script, live(script))))],
    [
      `GET ${A}/workers/scripts/*/settings`,
      (_, [name = ""]) => {
        const script = known(name)
        return {
          bindings: bindingsOf(live(script)),
          logpush: false,
          tags: [],
          tail_consumers: [],
          observability: { enabled: false }
        }
      }
    ],
    [`PATCH ${A}/workers/scripts/*/script-settings`, (request) => request.json()],
    [
      `PUT ${A}/workers/scripts/*`,
      async (request, [name = ""]) => {
        const script = made(name)
        const version = await upload(script, await request.formData())
        const deployment = await deploy(script, [{ version_id: version.id, percentage: 100 }])
        return {
          ...describe(script, version),
          deployment_id: deployment.id,
          startup_time_ms: 12,
          available_on_subdomain: true
        }
      }
    ],
    [
      `POST ${A}/workers/scripts/*/versions`,
      async (request, [name = ""]) => {
        const script = known(name)
        return { ...tell(await upload(script, await request.formData()), script), startup_time_ms: 12 }
      }
    ],
    [
      `GET ${A}/workers/scripts/*/versions`,
      (_, [name = ""]) => {
        const script = known(name)
        return { items: script.versions.toReversed().map((version) => tell(version, script)) }
      }
    ],
    [
      `GET ${A}/workers/scripts/*/versions/*`,
      (_, [name = "", id]) => {
        const script = known(name)
        const version = script.versions.find((one) => one.id === id)
        if (version === undefined) throw new ApiError(404, 10092, "version not found")
        return tell(version, script)
      }
    ],
    [
      `GET ${A}/workers/scripts/*/deployments`,
      (_, [name = ""]) => ({ deployments: known(name).deployments.map(tellDeployment) })
    ],
    [
      `POST ${A}/workers/scripts/*/deployments`,
      async (request, [name = ""]) => {
        const { versions } = (await request.json()) as Deployment
        return tellDeployment(await deploy(known(name), versions))
      }
    ],
    [
      `DELETE ${A}/workers/services/*`,
      async (_, [name = ""]) => {
        await known(name).booted?.dispose()
        scripts.delete(name)
        return null
      }
    ],
    [`GET ${A}/workers/scripts/*/subdomain`, () => ({ enabled: true, previews_enabled: false })],
    [`POST ${A}/workers/scripts/*/subdomain`, (request) => request.json()],
    [
      `GET ${A}/workers/workers/*`,
      (_, [name = ""]) => {
        const script = known(name)
        return {
          id: name,
          name,
          created_on: script.created,
          subdomain: { enabled: true, previews_enabled: false },
          observability: { enabled: false },
          logpush: false,
          tags: [],
          references: {}
        }
      }
    ],
    [`PATCH ${A}/workers/workers/*`, (request) => request.json()],
    [`GET ${A}/workers/scripts/*/schedules`, () => ({ schedules: [] })],
    [
      `GET ${A}/workers/scripts/*/references`,
      () => ({ services: { incoming: [], outgoing: [] }, durable_objects: [] })
    ],
    [`GET ${A}/workers/domains/records`, () => page([])],
    [`GET ${A}/workers/domains`, () => page([])],
    [`GET ${A}/workers/durable_objects/namespaces`, () => page([])],
    [`GET ${A}/storage/kv/namespaces`, () => page([])],
    [
      `GET ${A}/workers/scripts/*/secrets`,
      (_, [name = ""]) => [...known(name).secrets.keys()].map((one) => ({ name: one, type: "secret_text" }))
    ],
    [
      `POST ${A}/workers/scripts/*/assets-upload-session`,
      async (request) => {
        const { manifest } = (await request.json()) as { manifest: Record<string, { hash: string }> }
        const missing = [...new Set(Object.values(manifest).map(({ hash }) => hash))].filter((hash) => !blobs.has(hash))
        const body = Buffer.from(
          JSON.stringify({ exp: Math.floor(Date.now() / 1000) + 3600, id: crypto.randomUUID() })
        ).toString("base64url")
        sessions.set(body, manifest)
        return created({
          jwt: `${Buffer.from("{}").toString("base64url")}.${body}.x`,
          buckets: missing.length > 0 ? [missing] : []
        })
      }
    ],
    [
      `POST ${A}/d1/database`,
      async (request) => {
        const { name } = (await request.json()) as { name: string }
        const database = {
          uuid: crypto.randomUUID(),
          name,
          created_at: new Date().toISOString(),
          version: "production"
        }
        databases.set(database.uuid, database)
        return database
      }
    ],
    [
      `GET ${A}/d1/database`,
      (_, __, query) => page([...databases.values()].filter(({ name }) => [null, "", name].includes(query.get("name"))))
    ],
    [
      `GET ${A}/d1/database/*`,
      (_, [id = ""]) => {
        const database = databases.get(id) ?? [...databases.values()].find(({ name }) => name === id)
        if (database === undefined) throw new ApiError(404, 7404, "not found")
        return database
      }
    ],
    [
      `DELETE ${A}/d1/database/*`,
      (_, [id = ""]) => {
        if (!databases.delete(id)) throw new ApiError(404, 7404, "not found")
        return null
      }
    ]
  ]

  /** An asset upload carries the bearer of its own session. */
  const uploadAssets = async (request: Request) => {
    for (const [hash, part] of (await request.formData()).entries()) {
      const text = typeof part === "string" ? part : await part.text()
      blobs.set(hash, Uint8Array.from(Buffer.from(text, "base64")))
    }
    return created({ jwt: request.headers.get("authorization")?.replace(/^Bearer /, "") })
  }

  const answer = async (request: Request): Promise<Response> => {
    const url = new URL(request.url)
    const path = url.pathname.replace(/^\/client\/v4/, "")
    const line = `${request.method} ${path}`
    requests.push(line.replace(ACCOUNT, ":account"))
    if (failing?.request.test(line) === true) {
      const { answer } = failing
      failing = undefined
      return answer
    }
    if (line === `POST ${A}/workers/assets/upload`) return uploadAssets(request)
    if (request.headers.get("authorization") !== `Bearer ${TOKEN}`) return failed(401, 10000, "Authentication error")
    for (const [pattern, handler] of routes) {
      const match = new RegExp(`^${pattern.replaceAll("*", "([^/]+)")}$`).exec(line)
      if (match === null) continue
      const result = await handler(request, match.slice(1).map(decodeURIComponent), url.searchParams)
      return result instanceof Response ? result : ok(result)
    }
    return failed(404, 7003, `the double has no route for ${line}`)
  }

  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 60,
    fetch: (request) =>
      answer(request).catch((error: unknown) =>
        error instanceof ApiError ? failed(error.status, error.code, error.message) : failed(500, 10013, String(error))
      )
  })
  return {
    env: {
      CLOUDFLARE_API_BASE_URL: `http://127.0.0.1:${server.port}/client/v4`,
      CLOUDFLARE_API_TOKEN: TOKEN,
      CLOUDFLARE_ACCOUNT_ID: ACCOUNT
    },
    url: `http://127.0.0.1:${workerPort}`,
    scripts,
    databases,
    requests,
    failOnce: (request, status, code, message) => {
      failing = { request, answer: failed(status, code, message) }
    },
    stop: async () => {
      await server.stop(true)
      for (const { booted } of scripts.values()) await booted?.dispose()
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

/** Of a request: what the platform's types say, not a page's. */
type Form = Awaited<ReturnType<Request["formData"]>>

class ApiError extends Error {
  readonly status: number
  readonly code: number
  constructor(status: number, code: number, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

const ok = (result: unknown) => Response.json({ success: true, errors: [], messages: [], result })
const created = (result: unknown) => Response.json({ success: true, errors: [], messages: [], result }, { status: 201 })
const page = (list: ReadonlyArray<unknown>) =>
  Response.json({
    success: true,
    errors: [],
    messages: [],
    result: list,
    result_info: { page: 1, per_page: 100, count: list.length, total_count: list.length, total_pages: 1 }
  })
const failed = (status: number, code: number, message: string) =>
  Response.json({ success: false, errors: [{ code, message }], messages: [], result: null }, { status })

const bindingsOf = (version: Version | undefined) => [
  ...(version?.metadata.bindings ?? []).filter(({ type }) => type !== "secret_text"),
  ...[...(version?.secrets.keys() ?? [])].map((name) => ({ name, type: "secret_text" }))
]

const describe = ({ created, migrationTag, name }: Script, version: Version | undefined) => ({
  id: name,
  tag: createHash("sha256").update(name).digest("hex").slice(0, 32),
  tags: null,
  etag: version?.id ?? "",
  handlers: ["fetch"],
  modified_on: created,
  created_on: created,
  migration_tag: migrationTag,
  usage_model: "standard",
  compatibility_date: version?.metadata.compatibility_date,
  last_deployed_from: "wrangler",
  has_assets: (version?.assets.size ?? 0) > 0,
  has_modules: true
})

const tell = (version: Version, { migrationTag }: Script) => ({
  id: version.id,
  number: version.number,
  metadata: {
    created_on: version.created,
    modified_on: version.created,
    source: "wrangler",
    author_id: "u",
    author_email: "dev@example.com",
    hasPreview: false
  },
  annotations: { "workers/triggered_by": "upload", ...version.metadata.annotations },
  resources: {
    script: { etag: version.id, handlers: ["fetch"], named_handlers: [], last_deployed_from: "wrangler" },
    script_runtime: {
      compatibility_date: version.metadata.compatibility_date,
      compatibility_flags: version.metadata.compatibility_flags ?? [],
      usage_model: "standard",
      migration_tag: migrationTag
    },
    bindings: bindingsOf(version)
  }
})

const tellDeployment = ({ created, id, versions }: Deployment) => ({
  id,
  source: "wrangler",
  strategy: "percentage",
  author_email: "dev@example.com",
  created_on: created,
  versions,
  annotations: { "workers/triggered_by": "deployment" }
})
