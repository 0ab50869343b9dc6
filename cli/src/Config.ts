/**
 * What a command works with: tenant, hub address, token, key. From flags, then `AGENT_SYNC_*`, then the nearest
 * `agent-sync.json` upwards, then `config.json` in the config folder, then defaults. Config files hold no secrets:
 * keys and tokens there are references, `env:NAME` or `file:PATH`.
 */
import { existsSync, readFileSync } from "node:fs"
import { homedir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { mintToken, TenantId } from "agent-sync"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { type Context, ContextSection, contextOf } from "./Context.ts"
import { EXIT, Failure } from "./Failure.ts"
import { type Env, type Folders, foldersOf, variable } from "./Folders.ts"
import { authSecret, filesOf, findKey, type Key, makeKeys, type TenantFiles } from "./Keys.ts"
import { type Redaction, RedactSection, redactionOf } from "./Redact.ts"

export const CONFIG_FILE = "agent-sync.json"
/** Port of `agent-sync dev`, and of the dev preset. */
export const DEV_PORT = 8787
const TOKEN_SECONDS = 3600

const Reference = Schema.String.pipe(
  Schema.pattern(/^(env|file):.+/, {
    message: () => "must be a reference, env:NAME or file:PATH; secrets do not belong in this file"
  })
)

const Preset = Schema.Struct({
  /** `ws(s)://` or `http(s)://`; without a path it gets `/event-log/{tenant}`. */
  url: Schema.optional(Schema.String),
  tenant: Schema.optional(TenantId),
  token: Schema.optional(Reference),
  key: Schema.optional(Reference)
})

export const ConfigFile = Schema.Struct({
  $schema: Schema.optional(Schema.String),
  tenant: Schema.optional(TenantId),
  /** The preset used when none is named; `dev` where there is one. */
  preset: Schema.optional(Schema.String),
  presets: Schema.optional(Schema.Record({ key: Schema.String, value: Preset })),
  redact: Schema.optional(RedactSection),
  context: Schema.optional(ContextSection)
})
export type ConfigFile = typeof ConfigFile.Type

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
  /** The preset in use, where one is. */
  readonly preset: string | undefined
  /** The hub's WebSocket address with the tenant in its path; undefined where none is configured. */
  readonly url: string | undefined
  /** Undefined where none is configured anywhere. */
  readonly key: Key | undefined
  /** The person's own rules for secrets. */
  readonly redaction: Redaction
  /** What of this machine is told with a session. */
  readonly context: Context
  /** A token for the hub; made anew from this machine's auth secret where no other is configured. */
  readonly token: (role: "read" | "write") => Promise<string | undefined>
}

/** Reads the settings of one command. Writes nothing. */
export const settings = (
  flags: Flags,
  where: { readonly env: Env; readonly cwd: string }
): Either.Either<Settings, Failure> =>
  Either.gen(function* () {
    const { cwd, env } = where
    const folders = foldersOf(env)
    const file = nearest(cwd) ?? ifExists(join(folders.config, "config.json"))
    const config = file === undefined ? {} : yield* readConfig(file)
    const named = flags.env ?? variable(env, "AGENT_SYNC_ENV")
    const preset = named ?? config.preset ?? (config.presets?.dev === undefined ? undefined : "dev")
    const chosen = preset === undefined ? undefined : config.presets?.[preset]
    if (preset !== undefined && chosen === undefined) {
      const names = Object.keys(config.presets ?? {})
      return yield* fail({
        exit: EXIT.usage,
        code: "UnknownPreset",
        what: `There is no preset ${preset}${file === undefined ? ": no agent-sync.json was found" : ` in ${file}`}.`,
        ...(names.length === 0 ? {} : { now: `It has: ${names.join(", ")}.` }),
        tries: [{ command: "agent-sync init", why: "writes agent-sync.json" }]
      })
    }
    const tenant = yield* parseTenant(
      flags.tenant ?? variable(env, "AGENT_SYNC_TENANT") ?? chosen?.tenant ?? config.tenant ?? "default"
    )
    const address = flags.url ?? variable(env, "AGENT_SYNC_URL") ?? chosen?.url
    const url = address === undefined ? undefined : yield* hubUrl(address, tenant)
    const files = filesOf(folders, tenant)
    const base = file === undefined ? cwd : dirname(file)
    const redaction = yield* redactionOf(config.redact, file ?? CONFIG_FILE, env)
    const referred = chosen?.key === undefined ? undefined : yield* follow(chosen.key, base, env)
    const key = yield* findKey(env, files, referred)
    const token =
      variable(env, "AGENT_SYNC_TOKEN") ??
      (chosen?.token === undefined ? undefined : (yield* follow(chosen.token, base, env)).text)
    return {
      env,
      folders,
      tenant,
      files,
      preset,
      url,
      key,
      redaction,
      context: contextOf(config.context),
      token: async (role) => {
        if (token !== undefined) return token
        const secret = authSecret(files)
        return secret === undefined ? undefined : mintToken(secret, { tenant, roles: [role] }, TOKEN_SECONDS)
      }
    }
  })

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

export const isLoopback = (url: string) => {
  const { hostname } = new URL(url)
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname)
}

const fail = (failure: ConstructorParameters<typeof Failure>[0]) => Either.left(new Failure(failure))

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

/** `host` and `http` forms become the WebSocket address; a URL without a path gets the tenant's. */
export const hubUrl = (address: string, tenant: TenantId): Either.Either<string, Failure> => {
  // A host alone is meant as people say it: this machine has no certificate, others should.
  const plain = URL.canParse(`ws://${address}`) && isLoopback(`ws://${address}`)
  const text = /^[a-z]+:\/\//i.test(address) ? address : `${plain ? "ws" : "wss"}://${address}`
  const url = URL.canParse(text) ? new URL(text) : undefined
  const scheme = { "http:": "ws:", "https:": "wss:", "ws:": "ws:", "wss:": "wss:" }[url?.protocol ?? ""]
  if (url === undefined || scheme === undefined || url.username !== "" || url.search !== "" || url.hash !== "") {
    return fail({
      exit: EXIT.usage,
      code: "BadUrl",
      what: `${JSON.stringify(address)} is no hub address.`,
      now: "It is ws:// or wss:// (or http, https), a host, and no user, query or fragment; tokens go in AGENT_SYNC_TOKEN.",
      tries: [{ command: `AGENT_SYNC_URL=ws://127.0.0.1:${DEV_PORT}`, why: "the hub of agent-sync dev" }]
    })
  }
  const path = url.pathname === "/" ? `/event-log/${tenant}` : url.pathname
  return Either.right(`${scheme}//${url.host}${path}`)
}

const readConfig = (file: string): Either.Either<ConfigFile, Failure> => {
  const unreadable = (what: string) =>
    fail({
      exit: EXIT.usage,
      code: "BadConfig",
      what: `${file} cannot be read: ${what}.`,
      now: "Nothing was started.",
      tries: [{ command: "agent-sync init --help", why: "shows what the file may hold" }]
    })
  let json: unknown
  try {
    json = JSON.parse(readFileSync(file, "utf8"))
  } catch (error) {
    return unreadable(error instanceof Error ? error.message : String(error))
  }
  const decoded = Schema.decodeUnknownEither(ConfigFile, { onExcessProperty: "error" })(json)
  if (Either.isRight(decoded)) return Either.right(decoded.right)
  const [issue] = ParseResult.ArrayFormatter.formatErrorSync(decoded.left)
  return unreadable(issue === undefined ? "its shape is wrong" : `${issue.path.join(".")} ${issue.message}`)
}

/** Resolves `env:NAME` and `file:PATH` (relative to the config file; `~/` is the home folder). */
const follow = (reference: string, base: string, env: Env): Either.Either<{ text: string; from: string }, Failure> => {
  const missing = (what: string) => fail({ exit: EXIT.usage, code: "MissingSecret", what, now: "Nothing was started." })
  const [kind, name] = [reference.slice(0, reference.indexOf(":")), reference.slice(reference.indexOf(":") + 1)]
  if (kind === "env") {
    const text = variable(env, name)
    return text === undefined ? missing(`The variable ${name} is not set.`) : Either.right({ text, from: name })
  }
  const path = name.startsWith("~/") ? join(variable(env, "HOME") ?? homedir(), name.slice(2)) : resolve(base, name)
  try {
    return Either.right({ text: readFileSync(path, "utf8").trim(), from: path })
  } catch {
    return missing(`The file ${path} cannot be read.`)
  }
}

const ifExists = (file: string) => (existsSync(file) ? file : undefined)

const nearest = (from: string): string | undefined => {
  const file = ifExists(join(from, CONFIG_FILE))
  if (file !== undefined) return file
  const parent = dirname(from)
  return parent === from ? undefined : nearest(parent)
}
