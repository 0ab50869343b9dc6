/** A program finds what `agent-sync run` beside it finds: presets, references, keys, the environment above all of them. */
import { describe, expect, test } from "bun:test"
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import {
  AgentRuntime,
  ChatHistoryStore,
  makeReaderKey,
  printKey,
  type ReaderKey,
  StorageConfig,
  SyncConfig,
  SyncService
} from "agent-sync"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as JSONSchema from "effect/JSONSchema"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { settings } from "../../cli/src/Config.ts"
import * as Home from "../../sdk/src/bun/home.ts"
import { TenantId } from "../../sdk/src/domain/Ids.ts"
import { Platform } from "../../sdk/src/sync/Platform.ts"
import { folder, keyTexts, startHub } from "../support/programs.ts"
import { right } from "../support/right.ts"

const project = (config: unknown) => {
  const at = folder()
  writeFileSync(join(at, "agent-sync.json"), JSON.stringify(config))
  return at
}
const left = <A>(answer: Either.Either<A, Error>) => (Either.isLeft(answer) ? answer.left.message : "it was right")

describe("presets", () => {
  const config = {
    tenant: "acme",
    presets: {
      dev: { url: "ws://127.0.0.1:8787" },
      prod: {
        url: "wss://sync.acme.workers.dev",
        provider: "cloudflare",
        syncInterval: "5 seconds",
        auth: { token: "env:PROD_TOKEN" },
        encryption: { identityKey: "file:prod.key" }
      }
    }
  }

  test("the nearest file upwards, its secrets looked up; dev where none is named", () => {
    const at = project(config)
    writeFileSync(join(at, "prod.key"), "asr1secret\n")
    mkdirSync(join(at, "deep/er"), { recursive: true })
    const env = { PROD_TOKEN: "t0k3n", AGENT_SYNC_HOME: at }
    expect(right(Home.preset(env, join(at, "deep/er"), "prod"))).toEqual({
      tenant: "acme",
      url: "wss://sync.acme.workers.dev",
      provider: "cloudflare",
      syncInterval: 5_000,
      auth: { token: "t0k3n" },
      encryption: { identityKey: "asr1secret" }
    })
    expect(right(Home.preset(env, at))).toMatchObject({ url: "ws://127.0.0.1:8787", tenant: "acme" })
    expect(right(Home.preset({ ...env, AGENT_SYNC_ENV: "prod", AGENT_SYNC_URL: "ws://other" }, at))).toMatchObject({
      provider: "cloudflare",
      url: "ws://other"
    })
  })

  test("a preset that is not there, a secret that is not set, and one that stands in the file are named", () => {
    const at = project(config)
    expect(left(Home.preset({}, at, "staging"))).toContain("It has: dev, prod.")
    expect(left(Home.preset({}, at, "prod"))).toContain("PROD_TOKEN is not set")
    const literal = project({ presets: { dev: { auth: { token: "t0k3n" } } } })
    expect(left(Home.preset({}, literal, "dev"))).toContain("must be a reference")
  })

  test("programs and commands read the same of a file and an environment", async () => {
    const at = project({
      ...config,
      preset: "prod",
      presets: { ...config.presets, off: { url: "ws://127.0.0.1:1", enabled: false } }
    })
    writeFileSync(join(at, "prod.key"), keyTexts().reader)
    const key = keyTexts().reader
    const cases: ReadonlyArray<[name: string | undefined, env: Record<string, string>]> = [
      [undefined, { PROD_TOKEN: "t" }],
      ["dev", {}],
      ["prod", {}],
      // What the environment says needs no reference.
      ["prod", { AGENT_SYNC_TOKEN: "other", AGENT_SYNC_KEY: key, AGENT_SYNC_TENANT: "second" }],
      ["prod", { PROD_TOKEN: "t", AGENT_SYNC_URL: "ws://127.0.0.1:9" }],
      ["off", {}],
      ["off", { AGENT_SYNC_URL: "ws://127.0.0.1:9" }],
      [undefined, { AGENT_SYNC_ENV: "staging" }],
      ["dev", { AGENT_SYNC_TENANT: "no tenant" }]
    ]
    for (const [name, more] of cases) {
      const env = { AGENT_SYNC_HOME: at, ...more }
      const command = settings({ env: name }, { env, cwd: at })
      const program = Either.flatMap(Home.preset(env, at, name), (preset) =>
        SyncConfig.make(preset as SyncConfig.SyncOptions)
      )
      const said = `${name} ${JSON.stringify(more)}`
      expect(`${said} ${program._tag}`).toBe(`${said} ${command._tag}`)
      if (Either.isLeft(command) || Either.isLeft(program)) continue
      const { enabled, identityKey, tenant, token, url } = program.right
      expect([said, tenant, enabled ? url : undefined]).toEqual([said, command.right.tenant, command.right.url])
      if (token !== undefined) expect(await command.right.token("read")).toBe(token)
      if (identityKey !== undefined) expect(printKey(command.right.key as ReaderKey)).toBe(identityKey)
    }
  })

  test("a program stands on a preset in one line", async () => {
    const hub = await startHub({ token: "shared" })
    const key = keyTexts()
    const at = project({ tenant: "acme", presets: { prod: { url: hub.url, auth: { token: "env:T" } } } })
    const env = { T: "shared", AGENT_SYNC_KEY: key.reader, AGENT_SYNC_HOME: at }
    const platform = Effect.runSync(Platform)
    const here = Layer.succeed(Platform, { ...platform, preset: (name) => Home.preset(env, at, name) })
    const status = await Effect.runPromise(
      Effect.gen(function* () {
        yield* (yield* ChatHistoryStore).append({ role: "user", text: "hello" })
        return yield* (yield* SyncService).syncNow
      }).pipe(
        Effect.provide(
          AgentRuntime.layerFromPreset("prod").pipe(Layer.provide(StorageConfig.layerMemory), Layer.provide(here))
        )
      )
    )
    expect(status).toMatchObject({ connected: true, waiting: 0, troubles: [] })
  })

  test("a hub that refuses the token says why in the status", async () => {
    const hub = await startHub({ token: "shared" })
    const status = await Effect.runPromise(
      Effect.flatMap(SyncService, ({ syncNow }) => syncNow).pipe(
        Effect.provide(
          AgentRuntime.layerWithRemoteSync({
            url: hub.url,
            encryption: { identityKey: keyTexts().reader },
            auth: { token: "wrong" }
          }).pipe(Layer.provide(StorageConfig.layerMemory))
        )
      )
    )
    expect(status.remotes[0]).toMatchObject({ state: "refused" })
    expect(status.remotes[0]?.why).toContain("This is not the token of this hub.")
  })
})

describe("keys", () => {
  test("of tenants that differ in capitals alone lie apart, also on a disk that does not tell them", () => {
    const env = { AGENT_SYNC_HOME: "/home" }
    const places = ["acme", "Acme", "ACME", "aCme"].flatMap((name) => {
      const tenant = TenantId.make(name)
      return [Home.keysFolder(env, tenant), Home.journalFile(env, tenant)].map((path) => path.toLowerCase())
    })
    expect(new Set(places).size).toBe(8)
    expect(places).toContain("/home/journals/acme.sqlite")
  })

  test("are made once, 0600, and found again; a given one stands above them", () => {
    const env = { AGENT_SYNC_HOME: folder() }
    const tenant = TenantId.make("acme")
    expect(right(Home.keyText(env, tenant, false))).toBeUndefined()
    const made = right(Home.keyText(env, tenant, true))
    expect(made).toStartWith("asr1")
    expect(right(Home.keyText(env, tenant, false))).toBe(made)
    expect(statSync(join(env.AGENT_SYNC_HOME, "keys/acme/reader.key")).mode & 0o777).toBe(0o600)
    expect(readFileSync(join(env.AGENT_SYNC_HOME, "keys/acme/recorder.key"), "utf8")).toStartWith("asw1")
    expect(right(Home.keyText({ ...env, AGENT_SYNC_KEY: "asr1other" }, tenant, true))).toBe("asr1other")
  })

  test("a token is signed by the tenant's own secret, where this machine keeps it", async () => {
    const env = { AGENT_SYNC_HOME: folder() }
    const tenant = TenantId.make("acme")
    expect(await Home.token(env, tenant, ["write"])).toBeUndefined()
    right(Home.keyText(env, tenant, true))
    expect(await Home.token(env, tenant, ["write"])).toStartWith("eyJ")
    expect(await Home.token({ ...env, AGENT_SYNC_TOKEN: "given" }, tenant, ["write"])).toBe("given")
  })
})

describe("SyncConfig", () => {
  test("fills in what is left out, and takes durations as code and files write them", () => {
    const config = right(SyncConfig.make({ url: "hub.example", tenant: "acme", syncInterval: Duration.seconds(2) }))
    expect(config).toMatchObject({ url: "wss://hub.example/event-log/acme", provider: "bun", enabled: true })
    expect(Duration.toMillis(config.syncInterval)).toBe(2_000)
    expect(config.sync).toEqual({ chat: true, artifacts: true, audit: true })
    expect(right(SyncConfig.make({})).url).toBeUndefined()
  })

  test("names the field that is wrong", () => {
    for (const [options, word] of [
      [{ url: "ftp://x" }, "no hub address"],
      [{ tenant: "../x" }, "tenant"],
      [{ syncInterval: "soon" }, "syncInterval"],
      [{ provider: "aws" }, "provider"],
      [{ tpyo: true }, "tpyo"],
      [{ encryption: { enabled: false } }, "cannot be switched off"]
    ] as const) {
      expect(left(SyncConfig.make(options as SyncConfig.SyncOptions))).toContain(word)
    }
  })

  test("comes from the environment by Effect's Config; empty is unset", async () => {
    const key = printKey(makeReaderKey())
    const env = new Map([
      ["AGENT_SYNC_URL", "wss://hub.example"],
      ["AGENT_SYNC_TENANT", "acme"],
      ["AGENT_SYNC_KEY", key],
      ["AGENT_SYNC_TOKEN", ""]
    ])
    const config = await Effect.runPromise(
      Effect.withConfigProvider(SyncConfig.fromEnvironment, ConfigProvider.fromMap(env))
    )
    expect(config).toEqual({ url: "wss://hub.example", tenant: "acme", encryption: { identityKey: key } })
    const wrong = ConfigProvider.fromMap(new Map([["AGENT_SYNC_URL", "ftp://hub.example"]]))
    const refused = await Effect.runPromise(Effect.flip(Effect.withConfigProvider(SyncConfig.fromEnvironment, wrong)))
    expect(String(refused)).toContain("is no hub address")
  })

  test("a program that stands on the environment alone writes where it says", async () => {
    const hub = await startHub({ token: "shared" })
    const file = join(folder(), "own.sqlite")
    const env = { URL: hub.url, TENANT: "acme", KEY: keyTexts().reader, TOKEN: "shared", STORAGE: "", JOURNAL: file }
    const provider = ConfigProvider.fromMap(new Map(Object.entries(env).map(([name, v]) => [`AGENT_SYNC_${name}`, v])))
    const live = Layer.unwrapEffect(Effect.map(SyncConfig.fromEnvironment, AgentRuntime.layerWithRemoteSync)).pipe(
      Layer.provide(StorageConfig.layerFromEnvironment),
      Layer.provide(Layer.setConfigProvider(provider))
    )
    const status = await Effect.runPromise(
      Effect.provide(
        Effect.gen(function* () {
          yield* (yield* ChatHistoryStore).append({ role: "user", text: "hello" })
          return yield* (yield* SyncService).syncNow
        }),
        live
      )
    )
    expect(status).toMatchObject({ connected: true, waiting: 0, troubles: [] })
    expect(statSync(file).size).toBeGreaterThan(0)
    const wrong = Layer.setConfigProvider(ConfigProvider.fromMap(new Map([["AGENT_SYNC_STORAGE", "tape"]])))
    const built = Effect.scoped(Layer.build(Layer.provide(StorageConfig.layerFromEnvironment, wrong)))
    expect(String(await Effect.runPromise(Effect.flip(built)))).toContain("neither file nor memory")
  })

  test("a preset has a JSON Schema, for editors", () => {
    const schema = JSONSchema.make(SyncConfig.Preset)
    expect(JSON.stringify(schema)).toContain("env:NAME or file:PATH")
    expect(Schema.decodeUnknownEither(SyncConfig.Preset)({ syncInterval: "5 seconds" })._tag).toBe("Right")
  })
})
