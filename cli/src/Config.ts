/**
 * What a command works with: tenant, hub address, token, key. From flags, then `AGENT_SYNC_*`, then the nearest
 * `agent-sync.json` upwards, then `config.json` in the config folder, then defaults. Config files hold no secrets:
 * keys and tokens there are references, `env:NAME` or `file:PATH`.
 */
import { dirname } from "node:path"
import { mintToken, SyncConfig, TenantId } from "agent-sync"
import { Home } from "agent-sync/bun"
import { DEFAULT_TENANT } from "agent-sync/events"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { type Env, type Folders, foldersOf, variable } from "#folders"
import { type Context, contextOf } from "./Context.ts"
import { EXIT, Failure } from "./Failure.ts"
import { globals } from "./globals.ts"
import { authSecret, filesOf, findKey, type Key, makeKeys, type TenantFiles } from "./Keys.ts"
import { type Redaction, redactionOf } from "./Redact.ts"

const TOKEN_SECONDS = 3600

/** What every command that talks to a hub takes as flags. */
export interface Flags {
  readonly env?: string | undefined
  readonly tenant?: string | undefined
  readonly url?: string | undefined
}

export interface Settings {
  readonly env: Env
  readonly folders: Folders
  readonly tenant: TenantId
  readonly files: TenantFiles
  /** The config file that was read, where there is one. */
  readonly file: string | undefined
  /** The preset in use, where one is. */
  readonly preset: string | undefined
  /** All presets of the file. */
  readonly presets: Readonly<Record<string, SyncConfig.Preset>>
  /** The hub's WebSocket address with the tenant in its path; undefined where none is configured. */
  readonly url: string | undefined
  /** How it is reached, and which kinds of events go there. */
  readonly remote: Pick<SyncConfig.SyncConfig, "sync" | "syncInterval" | "provider" | "disablePing">
  /** Undefined where none is configured anywhere. */
  readonly key: Key | undefined
  /** The person's own rules for secrets. */
  readonly redaction: Redaction
  /** What of this machine is told with a session. */
  readonly context: Context
  /** A token for the hub; made anew from this machine's auth secret where no other is configured. */
  readonly token: (role: Role) => Promise<string | undefined>
  /** Each setting, and who decided it; secrets are named, not shown. */
  readonly origins: ReadonlyArray<Origin>
}

export const ROLES = ["read", "write", "admin"] as const
export type Role = (typeof ROLES)[number]

export interface Origin {
  readonly name: string
  readonly value: string
  readonly origin: string
}

/** Reads the settings of one command. Writes nothing. */
export const settings = (
  flags: Flags,
  where: { readonly env: Env; readonly cwd: string }
): Either.Either<Settings, Failure> =>
  Either.gen(function* () {
    const { cwd, env } = where
    const folders = foldersOf(env)
    const file = globals.config ?? Home.configFileOf(env, cwd)
    const config = file === undefined ? {} : yield* readConfig(file)
    const named = flags.env === undefined ? undefined : { value: flags.env, origin: "--env" }
    const { preset: chosen, said: preset } = yield* Either.mapLeft(
      Home.presetOf(config, file, env, named),
      ({ has, what }) =>
        new Failure({
          exit: EXIT.usage,
          code: "UnknownPreset",
          what,
          ...(has.length === 0 ? {} : { now: `It has: ${has.join(", ")}.` }),
          tries: [
            has[0] === undefined
              ? { command: "agent-sync init", why: "writes agent-sync.json" }
              : { command: `agent-sync config list -e ${has[0]}`, why: "what is set there" }
          ]
        })
    )
    const inPreset = `presets.${preset?.value} in ${file}`
    const whose = Home.firstOf([
      [flags.tenant, "--tenant"],
      [variable(env, "AGENT_SYNC_TENANT"), "AGENT_SYNC_TENANT"],
      [chosen?.tenant, inPreset],
      [config.tenant, `tenant in ${file}`]
    ]) ?? { value: DEFAULT_TENANT, origin: "default" }
    const tenant = yield* parseTenant(whose.value)
    const address = Home.firstOf([
      [flags.url, "--url"],
      [variable(env, "AGENT_SYNC_URL"), "AGENT_SYNC_URL"],
      [chosen?.enabled === false ? undefined : chosen?.url, inPreset]
    ])
    const { url, ...remote } = yield* checked({
      tenant,
      ...(address === undefined ? {} : { url: address.value }),
      ...(chosen?.encryption?.enabled === undefined ? {} : { encryption: { enabled: chosen.encryption.enabled } }),
      ...(chosen?.sync === undefined ? {} : { sync: chosen.sync }),
      ...(chosen?.syncInterval === undefined ? {} : { syncInterval: chosen.syncInterval }),
      ...(chosen?.provider === undefined ? {} : { provider: chosen.provider }),
      ...(chosen?.disablePing === undefined ? {} : { disablePing: chosen.disablePing })
    })
    const files = filesOf(folders, tenant)
    const base = file === undefined ? cwd : dirname(file)
    const redaction = yield* redactionOf(config.redact, file ?? Home.CONFIG_FILE, env)
    const secret = (name: Parameters<typeof Home.secretOf>[0], reference: string | undefined) =>
      Either.mapLeft(
        Home.secretOf(name, reference, base, env),
        (what) => new Failure({ exit: EXIT.usage, code: "MissingSecret", what, now: "Nothing was started." })
      )
    const referred = yield* secret("AGENT_SYNC_KEY", chosen?.encryption?.identityKey)
    const key = yield* findKey(env, files, referred)
    const token = yield* secret("AGENT_SYNC_TOKEN", chosen?.auth?.token)
    const signing = authSecret(files)
    const keyOrigin = referred?.from ?? files.folder
    const none = { value: "none", origin: "" }
    return {
      env,
      folders,
      tenant,
      files,
      file,
      preset: preset?.value,
      presets: config.presets ?? {},
      url,
      remote,
      key,
      redaction,
      context: contextOf(config.context),
      token: async (role: Role) => {
        if (token !== undefined) return token.text
        // Keys may have been made since the settings were read.
        const secret = authSecret(files)
        return secret === undefined ? undefined : mintToken(secret, { tenant, roles: [role] }, TOKEN_SECONDS)
      },
      origins: [
        { name: "config", value: file ?? "none", origin: globals.config === undefined ? "" : "--config" },
        { name: "preset", ...(preset ?? none) },
        { name: "tenant", ...whose },
        { name: "url", value: url ?? "none", origin: address?.origin ?? "" },
        ...(chosen?.sync === undefined ? [] : [{ name: "sync", value: goes(remote.sync), origin: inPreset }]),
        { name: "key", ...(key === undefined ? none : { value: `${key.kind} key`, origin: keyOrigin }) },
        {
          name: "token",
          ...(token !== undefined
            ? { value: "given", origin: token.from === "AGENT_SYNC_TOKEN" ? token.from : inPreset }
            : signing === undefined
              ? none
              : { value: "made when needed", origin: files.authSecret })
        },
        { name: "keys folder", value: files.folder, origin: folderOrigin(env, "XDG_CONFIG_HOME") },
        { name: "journals", value: folders.journals, origin: folderOrigin(env, "XDG_STATE_HOME") }
      ]
    }
  })

/** Which kinds of events go to the hub, and which stay. */
const goes = (sync: SyncConfig.SyncConfig["sync"]) => {
  const [going, staying] = [true, false].map((wanted) =>
    Object.entries(sync).flatMap(([kind, goes]) => (goes === wanted ? [kind] : []))
  )
  const named = going?.length === 0 ? "none" : (going ?? []).join(", ")
  return staying?.length === 0 ? named : `${named}; here stays: ${(staying ?? []).join(", ")}`
}

const folderOrigin = (env: Env, xdg: string) =>
  ["AGENT_SYNC_HOME", xdg].find((name) => variable(env, name) !== undefined) ?? "default"

/** Of the tenant, on this machine. */
export const journalFile = ({ folders, tenant }: Pick<Settings, "folders" | "tenant">) =>
  Home.tenantFile(folders.journals, tenant)

const checked = (options: SyncConfig.SyncOptions): Either.Either<SyncConfig.SyncConfig, Failure> =>
  Either.mapLeft(SyncConfig.make(options), badConfig)

/** The WebSocket address of a hub as people write it: a host, or with `http`, `https`, `ws`, `wss`. */
export const hubUrl = (address: string, tenant: TenantId): Either.Either<string, Failure> =>
  Either.mapLeft(SyncConfig.hubUrl(address, tenant), badConfig)

const badConfig = ({ fix, what }: SyncConfig.BadSyncConfig) =>
  new Failure({ exit: EXIT.usage, code: "BadConfig", what, now: fix })

/**
 * The tenant's key, made where there is none and no hub but one on this machine is meant: elsewhere a fresh key
 * would open nothing and seal what nobody can read.
 */
export const keyOrMake = (settings: Settings): Either.Either<{ key: Key; made: boolean }, Failure> => {
  if (settings.key !== undefined) return Either.right({ key: settings.key, made: false })
  if (settings.url !== undefined && !isLoopback(settings.url)) return Either.left(noKey(settings))
  return makeKeys(settings.files).pipe(
    Either.flatMap(() => findKey({}, settings.files, undefined)),
    Either.flatMap((key) => (key === undefined ? Either.left(noKey(settings)) : Either.right({ key, made: true })))
  )
}

export const noKey = ({ tenant }: Settings) =>
  new Failure({
    exit: EXIT.unopened,
    code: "NoKey",
    what: `This machine has no key for tenant ${tenant}.`,
    now: "Keys are made once, by agent-sync init, and carried to other machines by you.",
    tries: [
      { command: `agent-sync init --local --yes --tenant ${tenant}`, why: "makes new keys here" },
      { command: "AGENT_SYNC_KEY=… agent-sync …", why: "uses a key from another machine" }
    ]
  })

export const { isLoopback } = SyncConfig

export const parseTenant = (text: string): Either.Either<TenantId, Failure> =>
  Either.mapLeft(
    Schema.decodeEither(TenantId)(text),
    (error) =>
      new Failure({
        exit: EXIT.usage,
        code: "BadTenant",
        what: `${JSON.stringify(text)} is no tenant. ${ParseResult.ArrayFormatter.formatErrorSync(error)[0]?.message ?? ""}`
      })
  )

/** Total: what is wrong is told with its path. */
export const readConfig = (file: string): Either.Either<Home.ConfigFile, Failure> =>
  Either.mapLeft(
    Home.readConfig(file),
    (what) =>
      new Failure({
        exit: EXIT.usage,
        code: "BadConfig",
        what,
        now: "Nothing was started.",
        tries: [{ command: "agent-sync init --help", why: "shows what the file may hold" }]
      })
  )
