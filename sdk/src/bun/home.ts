/**
 * What this machine keeps for agent-sync, for programs: folders, the tenant's keys, the nearest `agent-sync.json` and its
 * presets. The rules are those of the command line (house §10), so that a program and `agent-sync run` beside it agree.
 */
import { chmodSync, existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { homedir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { base64urlnopad } from "@scure/base"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { type Redaction, RedactSection, redactionOf } from "../agents/RedactSection.ts"
import { mint, type Role } from "../crypto/AccessToken.ts"
import { makeReaderKey, print } from "../crypto/TenantKey.ts"
import { TenantId } from "../domain/Ids.ts"
import type { ResolvedPreset } from "../sync/Platform.ts"
import { PlatformFailed } from "../sync/PlatformFailed.ts"
import { presetFields, Reference } from "../sync/SyncConfig.ts"

export type Env = Readonly<Record<string, string | undefined>>

const CONFIG_FILE = "agent-sync.json"
const TOKEN_SECONDS = 3600

/** An empty variable counts as unset. */
const variable = (env: Env, name: string) => {
  const value = env[name]
  return value === undefined || value === "" ? undefined : value
}

export const foldersOf = (env: Env) => {
  const own = variable(env, "AGENT_SYNC_HOME")
  if (own !== undefined) return { config: own, keys: join(own, "keys"), journals: join(own, "journals") }
  const home = variable(env, "HOME") ?? homedir()
  const config = join(variable(env, "XDG_CONFIG_HOME") ?? join(home, ".config"), "agent-sync")
  const state = join(variable(env, "XDG_STATE_HOME") ?? join(home, ".local", "state"), "agent-sync")
  return { config, keys: config, journals: state }
}

export const keysFolder = (env: Env, tenant: TenantId) => join(foldersOf(env).keys, tenant)
export const journalFile = (env: Env, tenant: TenantId) => join(foldersOf(env).journals, `${tenant}.sqlite`)

/** `AGENT_SYNC_KEY`, else the reader or recorder key in the tenant's folder, else a new one where `makes`. */
export const keyText = (
  env: Env,
  tenant: TenantId,
  makes: boolean
): Either.Either<string | undefined, PlatformFailed> => {
  const given = variable(env, "AGENT_SYNC_KEY")
  if (given !== undefined) return Either.right(given)
  const folder = keysFolder(env, tenant)
  return Either.try({
    try: () => {
      const found = readIf(join(folder, "reader.key")) ?? readIf(join(folder, "recorder.key"))
      return found ?? (makes ? makeKeys(folder) : undefined)
    },
    catch: (error) =>
      new PlatformFailed({
        what: `The keys in ${folder} cannot be used: ${error instanceof Error ? error.message : String(error)}.`,
        fix: "Set AGENT_SYNC_HOME to a folder that can be written, or give encryption.identityKey."
      })
  })
}

/** A token signed by the tenant's own secret, where this machine keeps one. */
export const token = async (
  env: Env,
  tenant: TenantId,
  roles: readonly [Role, ...Array<Role>]
): Promise<string | undefined> => {
  const given = variable(env, "AGENT_SYNC_TOKEN")
  if (given !== undefined) return given
  const secret = readIf(join(keysFolder(env, tenant), "auth-secret"))?.trim()
  if (secret === undefined || secret === "") return undefined
  return mint(new TextEncoder().encode(secret), { tenant, roles }, TOKEN_SECONDS)
}

const FilePreset = Schema.Struct({
  ...presetFields,
  /** Short for `auth.token` and `encryption.identityKey`. */
  token: Schema.optional(Reference),
  key: Schema.optional(Reference)
})
const File = Schema.Struct({
  $schema: Schema.optional(Schema.String),
  tenant: Schema.optional(TenantId),
  preset: Schema.optional(Schema.String),
  presets: Schema.optional(Schema.Record({ key: Schema.String, value: FilePreset })),
  redact: Schema.optional(RedactSection)
})

/** A preset with its references followed; `AGENT_SYNC_URL _TENANT _TOKEN _KEY` stand above what the file says. */
export const preset = (env: Env, cwd: string, name?: string): Either.Either<ResolvedPreset, PlatformFailed> =>
  Either.gen(function* () {
    const file = configFile(env, cwd)
    const config = file === undefined ? {} : yield* read(file)
    const wanted =
      name ??
      variable(env, "AGENT_SYNC_ENV") ??
      config.preset ??
      (config.presets?.dev === undefined ? undefined : "dev")
    const found = wanted === undefined ? undefined : config.presets?.[wanted]
    if (wanted !== undefined && found === undefined) {
      const names = Object.keys(config.presets ?? {})
      return yield* failed(
        `There is no preset ${wanted}${file === undefined ? ": no agent-sync.json was found" : ` in ${file}`}.`,
        names.length === 0 ? "`agent-sync init` writes one." : `It has: ${names.join(", ")}.`
      )
    }
    const { auth, encryption, key, token: short, ...rest } = found ?? {}
    const base = file === undefined ? cwd : dirname(file)
    const secret = function* (own: string | undefined, reference: string | undefined) {
      return own ?? (reference === undefined ? undefined : yield* follow(reference, base, env))
    }
    const token = yield* secret(variable(env, "AGENT_SYNC_TOKEN"), auth?.token ?? short)
    const identityKey = yield* secret(variable(env, "AGENT_SYNC_KEY"), encryption?.identityKey ?? key)
    const tenant = variable(env, "AGENT_SYNC_TENANT") ?? rest.tenant ?? config.tenant
    const url = variable(env, "AGENT_SYNC_URL") ?? rest.url
    return Schema.encodeSync(Schema.Struct(presetless))({
      ...rest,
      ...(tenant === undefined ? {} : { tenant: TenantId.make(tenant) }),
      ...(url === undefined ? {} : { url }),
      ...(token === undefined ? {} : { auth: { token } }),
      ...(identityKey === undefined
        ? encryption?.enabled === undefined
          ? {}
          : { encryption: { enabled: encryption.enabled } }
        : { encryption: { ...encryption, identityKey } })
    })
  })

/** What that file says of secrets; the values of this process's own secret variables are some without it. */
export const redaction = (env: Env, cwd: string): Either.Either<Redaction, PlatformFailed> =>
  Either.gen(function* () {
    const file = configFile(env, cwd)
    const { redact = {} } = file === undefined ? {} : yield* read(file)
    return yield* Either.mapLeft(
      redactionOf(redact, env),
      (what) => new PlatformFailed({ what: `${file} cannot be used: ${what}.`, fix: "Mend the file." })
    )
  })

/** As a preset, with the secrets themselves in place of references. */
const presetless = {
  ...presetFields,
  encryption: Schema.optional(
    Schema.Struct({ enabled: Schema.optional(Schema.Boolean), identityKey: Schema.optional(Schema.String) })
  ),
  auth: Schema.optional(Schema.Struct({ token: Schema.optional(Schema.String) }))
}

const read = (file: string): Either.Either<typeof File.Type, PlatformFailed> => {
  let json: unknown
  try {
    json = JSON.parse(readFileSync(file, "utf8"))
  } catch (error) {
    return failed(
      `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}.`,
      "Mend the file."
    )
  }
  return Either.mapLeft(Schema.decodeUnknownEither(File)(json), (error) => {
    const [issue] = ParseResult.ArrayFormatter.formatErrorSync(error)
    return new PlatformFailed({
      what: `${file} cannot be read: ${issue?.path.join(".") ?? ""} ${issue?.message ?? "its shape is wrong"}.`,
      fix: "Mend the file."
    })
  })
}

/** `env:NAME` and `file:PATH` (relative to the config file; `~/` is the home folder). */
const follow = (reference: string, base: string, env: Env): Either.Either<string, PlatformFailed> => {
  const name = reference.slice(reference.indexOf(":") + 1)
  if (reference.startsWith("env:")) {
    const text = variable(env, name)
    return text === undefined ? failed(`The variable ${name} is not set.`, "Set it.") : Either.right(text)
  }
  const path = name.startsWith("~/") ? join(variable(env, "HOME") ?? homedir(), name.slice(2)) : resolve(base, name)
  const text = readIf(path)
  return text === undefined ? failed(`The file ${path} cannot be read.`, "Put it there.") : Either.right(text.trim())
}

/** Writes what is missing of reader key, recorder key and auth secret, each whole or not at all; answers the key. */
const makeKeys = (folder: string): string | undefined => {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const key = makeReaderKey()
  if (writeOnce(join(folder, "reader.key"), print(key))) writeOnce(join(folder, "recorder.key"), print(key.recorder))
  writeOnce(join(folder, "auth-secret"), base64urlnopad.encode(crypto.getRandomValues(new Uint8Array(32))))
  return readIf(join(folder, "reader.key"))
}

/** False where the file was there before. */
const writeOnce = (file: string, text: string) => {
  const draft = `${file}.${process.pid}`
  writeFileSync(draft, `${text}\n`, { mode: 0o600 })
  chmodSync(draft, 0o600)
  try {
    linkSync(draft, file)
    return true
  } catch (error) {
    if (existsSync(file)) return false
    throw error
  } finally {
    rmSync(draft, { force: true })
  }
}

const readIf = (file: string) => {
  try {
    return readFileSync(file, "utf8")
  } catch (error) {
    if (!existsSync(file)) return undefined
    throw error
  }
}
const configFile = (env: Env, cwd: string) => nearest(cwd) ?? ifExists(join(foldersOf(env).config, "config.json"))
const ifExists = (file: string) => (existsSync(file) ? file : undefined)
const nearest = (from: string): string | undefined => {
  const file = ifExists(join(from, CONFIG_FILE))
  const parent = dirname(from)
  return file ?? (parent === from ? undefined : nearest(parent))
}
const failed = (what: string, fix: string) => Either.left(new PlatformFailed({ what, fix }))
