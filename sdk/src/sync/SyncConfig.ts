/**
 * How a program or a preset of `agent-sync.json` is connected: the one Schema of that surface. Three forms share its
 * fields: `SyncOptions`, as code writes it (durations in words, secrets as they are); `Preset`, as a file says it
 * (secrets are references only); and `SyncConfig`, whole and checked, which everything below works with.
 */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { DEFAULT_TENANT, TenantId } from "../domain/Ids.ts"

/** `5 seconds`, `2 minutes`, or milliseconds. In a JSON Schema it is a text or a number. */
export const DurationText = Schema.transformOrFail(
  Schema.Union(
    Schema.String.annotations({ description: "A duration in words: 5 seconds, 2 minutes, 7 days." }),
    Schema.NonNegative.annotations({ description: "Milliseconds." })
  ),
  Schema.DurationFromSelf,
  {
    strict: true,
    decode: (text, _, ast) =>
      Option.match(durationOf(text), {
        onNone: () => ParseResult.fail(new ParseResult.Type(ast, text, "is no duration, such as 5 seconds")),
        onSome: ParseResult.succeed
      }),
    encode: (duration) => ParseResult.succeed(Duration.toMillis(duration))
  }
)

/** A secret as a file may hold it: where it is, never what it is. */
export const Reference = Schema.String.pipe(
  Schema.pattern(/^(env|file):.+/, {
    message: () => "must be a reference, env:NAME or file:PATH; secrets do not belong in this file"
  }),
  Schema.annotations({ description: "Where the secret is: env:NAME or file:PATH." })
)

/** Whose hub it is; it decides about pings only. */
export const Provider = Schema.Literal("bun", "cloudflare")
export type Provider = typeof Provider.Type

/** Which kinds of events go to the hub; what does not stays in this machine's journal. */
export const Synced = Schema.Struct({
  chat: Schema.optional(Schema.Boolean),
  artifacts: Schema.optional(Schema.Boolean),
  audit: Schema.optional(Schema.Boolean)
})
export type Synced = typeof Synced.Type

/** Whether an event, by its name as in `chat.message`, stays on this machine; undefined where every one goes. */
export const staying = (sync: Synced = {}): ((event: string) => boolean) | undefined => {
  const prefixes = (["chat", "artifacts", "audit"] as const).flatMap((group) =>
    sync[group] === false ? [`${group === "artifacts" ? "artifact" : group}.`] : []
  )
  return prefixes.length === 0 ? undefined : (event) => prefixes.some((one) => event.startsWith(one))
}

/** What the hub keeps of finished sessions: the older, or the more, goes. The index always stays. */
export const Retention = Schema.Struct({
  maxAge: Schema.optional(DurationText),
  /** Sessions' logs. */
  maxSessions: Schema.optional(Schema.Int.pipe(Schema.positive())),
  maxBytes: Schema.optional(Schema.Int.pipe(Schema.positive()))
})

const common = {
  /** False keeps everything on this machine. */
  enabled: Schema.optional(Schema.Boolean),
  /** `ws(s)://` or `http(s)://`; without a path it gets `/event-log/{tenant}`. */
  url: Schema.optional(Schema.String),
  provider: Schema.optional(Provider),
  tenant: Schema.optional(TenantId),
  /** How long what went wrong on this machine (a locked journal, a held lease) waits for its next try, at most. */
  syncInterval: Schema.optional(DurationText),
  disablePing: Schema.optional(Schema.Boolean),
  sync: Schema.optional(Synced),
  /** Where the hub keeps its entries: a Durable Object's SQLite or D1 on Cloudflare, a file or memory on Bun. */
  storage: Schema.optional(Schema.Literal("do", "d1", "sqlite", "memory")),
  retention: Schema.optional(Retention)
}

const withSecrets = <S extends Schema.Schema<string, string>>(secret: S) => ({
  ...common,
  encryption: Schema.optional(
    Schema.Struct({ enabled: Schema.optional(Schema.Boolean), identityKey: Schema.optional(secret) })
  ),
  auth: Schema.optional(Schema.Struct({ token: Schema.optional(secret) }))
})

/** Fields of one preset in `agent-sync.json`. */
export const presetFields = withSecrets(Reference)
/** One preset of `agent-sync.json`. */
export const Preset = Schema.Struct(presetFields)
export type Preset = typeof Preset.Type

/** The same from elsewhere than a file: the environment, a test, another program's configuration. */
const Unchecked = Schema.Struct(withSecrets(Schema.String))

/**
 * What code writes. Everything may be left out; without a `url` nothing leaves the machine. What often comes from the environment may
 * be undefined.
 */
export interface SyncOptions {
  readonly enabled?: boolean
  readonly url?: string | undefined
  readonly provider?: Provider
  readonly tenant?: string | undefined
  /** 5 seconds where it is not given. */
  readonly syncInterval?: Duration.DurationInput
  /** Neither binary nor text pings. A Cloudflare hub gets none before it says that it answers them. */
  readonly disablePing?: boolean
  /**
   * `identityKey` is a reader (`asr1…`) or recorder key (`asw1…`) as text; where it is not given, the tenant's key on this machine.
   * `enabled: false` is refused: the hub is blind.
   */
  readonly encryption?: { readonly enabled?: boolean; readonly identityKey?: string | undefined }
  /** Sent to the hub. Where it is not given, a machine that holds the hub's secret mints one. */
  readonly auth?: { readonly token?: string | undefined }
  /** Kinds of events that go to the hub, all where nothing is said; what does not stays in this machine's journal. */
  readonly sync?: Synced
  /** Where a hub that is started or deployed by these settings keeps its entries; a program that connects needs none. */
  readonly storage?: "do" | "d1" | "sqlite" | "memory"
  /** How long such a hub keeps ended sessions. */
  readonly retention?: {
    readonly maxAge?: Duration.DurationInput
    readonly maxSessions?: number
    readonly maxBytes?: number
  }
}

/** `SyncOptions`, checked and whole. */
export interface SyncConfig {
  readonly enabled: boolean
  /** The hub's WebSocket address with the tenant in its path; undefined keeps everything here. */
  readonly url: string | undefined
  readonly provider: Provider
  readonly tenant: TenantId
  readonly syncInterval: Duration.Duration
  /** Undefined: pings go where the hub announced that it answers them. */
  readonly disablePing: boolean | undefined
  /** A reader or recorder key as text; undefined looks for the tenant's key on this machine. */
  readonly identityKey: string | undefined
  readonly token: string | undefined
  readonly sync: { readonly chat: boolean; readonly artifacts: boolean; readonly audit: boolean }
}

/** The settings are no configuration. `what` is a sentence, `fix` the next step. */
export class BadSyncConfig extends Schema.TaggedError<BadSyncConfig>()("BadSyncConfig", {
  what: Schema.String,
  fix: Schema.String
}) {
  override get message() {
    return `${this.what} ${this.fix}`
  }
}

/** Checks what code says, and fills in what it leaves out. */
export const make = (options: SyncOptions): Either.Either<SyncConfig, BadSyncConfig> => {
  const { retention, syncInterval, ...rest } = options
  const plain = {
    ...rest,
    ...(syncInterval === undefined ? {} : { syncInterval: inWords(syncInterval) }),
    ...(retention === undefined
      ? {}
      : {
          retention: {
            ...retention,
            ...(retention.maxAge === undefined ? {} : { maxAge: inWords(retention.maxAge) })
          }
        })
  }
  return Either.flatMap(
    Either.mapLeft(Schema.decodeUnknownEither(Unchecked, { onExcessProperty: "error" })(plain), (error) => {
      const [issue] = ParseResult.ArrayFormatter.formatErrorSync(error)
      return new BadSyncConfig({
        what: `The setting ${issue?.path.join(".") ?? ""} is not right: ${issue?.message ?? error.message}.`,
        fix: "Its fields are those of SyncOptions."
      })
    }),
    complete
  )
}

const complete = (given: typeof Unchecked.Type): Either.Either<SyncConfig, BadSyncConfig> => {
  if (given.encryption?.enabled === false) {
    return bad(
      "Encryption cannot be switched off: the hub stores what it cannot read, and has no other way.",
      "Share the reader key with those who watch, or a session's share link; leave encryption.enabled out."
    )
  }
  const tenant = given.tenant ?? DEFAULT_TENANT
  const url = given.url === undefined ? Either.right(undefined) : hubUrl(given.url, tenant)
  return Either.map(url, (address) => ({
    enabled: given.enabled ?? true,
    url: address,
    provider: given.provider ?? "bun",
    tenant,
    syncInterval: given.syncInterval ?? DEFAULT_INTERVAL,
    disablePing: given.disablePing,
    identityKey: given.encryption?.identityKey,
    token: given.auth?.token,
    sync: {
      chat: given.sync?.chat ?? true,
      artifacts: given.sync?.artifacts ?? true,
      audit: given.sync?.audit ?? true
    }
  }))
}

const DEFAULT_INTERVAL = Duration.seconds(5)

/** What a person typed, as it may be shown. */
const withoutUser = (address: string) => address.replace(/\/\/[^/@]*@/, "//…@")

/** A host alone is meant as people say it: this machine has no certificate, others should. */
export const hubUrl = (address: string, tenant: TenantId): Either.Either<string, BadSyncConfig> => {
  const plain = URL.canParse(`ws://${address}`) && isLoopback(`ws://${address}`)
  const text = /^[a-z]+:\/\//i.test(address) ? address : `${plain ? "ws" : "wss"}://${address}`
  const url = URL.canParse(text) ? new URL(text) : undefined
  const scheme = { "http:": "ws:", "https:": "wss:", "ws:": "ws:", "wss:": "wss:" }[url?.protocol ?? ""]
  if (url === undefined || scheme === undefined || url.username !== "" || url.search !== "" || url.hash !== "") {
    return bad(
      `${JSON.stringify(withoutUser(address))} is no hub address.`,
      "It is ws:// or wss:// (or http, https), a host, and no user, query or fragment; tokens go in auth.token."
    )
  }
  const path = url.pathname === "/" ? `/event-log/${tenant}` : url.pathname
  return Either.right(`${scheme}//${url.host}${path}`)
}

/** An address of this machine alone. */
export const isLoopback = (url: string) => {
  const { hostname } = new URL(url)
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname)
}

/**
 * `AGENT_SYNC_URL _TENANT _KEY _TOKEN`, for programs that take their settings by Effect's `Config`; checked, and as a layer
 * takes them: `Layer.unwrapEffect(Effect.map(SyncConfig.fromEnvironment, AgentRuntime.layerWithRemoteSync))`. Empty is unset.
 */
export const fromEnvironment: Config.Config<SyncOptions> = Config.all({
  url: variable("URL"),
  tenant: variable("TENANT"),
  key: variable("KEY"),
  token: variable("TOKEN")
}).pipe(
  Config.mapOrFail(({ key, tenant, token, url }) => {
    const options: SyncOptions = {
      ...Option.match(url, { onNone: () => ({}), onSome: (one) => ({ url: one }) }),
      ...Option.match(tenant, { onNone: () => ({}), onSome: (one) => ({ tenant: one }) }),
      ...Option.match(key, { onNone: () => ({}), onSome: (one) => ({ encryption: { identityKey: one } }) }),
      ...Option.match(token, { onNone: () => ({}), onSome: (one) => ({ auth: { token: one } }) })
    }
    return Either.mapBoth(make(options), {
      onLeft: (error) => ConfigError.InvalidData(["AGENT_SYNC"], error.message),
      onRight: () => options
    })
  })
)

function variable(name: string): Config.Config<Option.Option<string>> {
  return Config.option(Config.string(`AGENT_SYNC_${name}`)).pipe(Config.map(Option.filter((text) => text !== "")))
}

/** The same as an effect, for layers. */
export const decode = (options: SyncOptions): Effect.Effect<SyncConfig, BadSyncConfig> =>
  Effect.suspend(() => make(options))

const durationOf = (text: string | number): Option.Option<Duration.Duration> =>
  typeof text === "number" ? Option.some(Duration.millis(text)) : Duration.decodeUnknown(text)

/** Durations of code become what a file could say, so that one Schema checks both. */
const inWords = (input: Duration.DurationInput): string | number =>
  typeof input === "string" || typeof input === "number" ? input : Duration.toMillis(input)

const bad = (what: string, fix: string) => Either.left(new BadSyncConfig({ what, fix }))
