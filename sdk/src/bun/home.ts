/**
 * What this machine keeps for agent-sync, as programs ask for it: the tenant's keys, tokens, and the presets of the nearest
 * `agent-sync.json`. The rules are in `home/`, which the command line goes by too, so that both agree.
 */
import { dirname } from "node:path"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { type Redaction, redactionOf } from "../agents/RedactSection.ts"
import { mint, type Role } from "../crypto/AccessToken.ts"
import { TenantId } from "../domain/Ids.ts"
import type { ResolvedPreset } from "../sync/Platform.ts"
import { PlatformFailed } from "../sync/PlatformFailed.ts"
import { presetFields } from "../sync/SyncConfig.ts"
import { type ConfigFile, configFileOf, presetOf, readConfig, secretOf } from "./home/ConfigFile.ts"
import { type Env, foldersOf, tenantFile, variable } from "./home/Folders.ts"
import { authSecret, filesOf, keyIn, makeMissing } from "./home/keys.ts"

const TOKEN_SECONDS = 3600

export const keysFolder = (env: Env, tenant: TenantId) => filesOf(foldersOf(env), tenant).folder
export const journalFile = (env: Env, tenant: TenantId) => tenantFile(foldersOf(env).journals, tenant)

/** `AGENT_SYNC_KEY`, else the reader or recorder key in the tenant's folder, else a new one where `makes`. */
export const keyText = (
  env: Env,
  tenant: TenantId,
  makes: boolean
): Either.Either<string | undefined, PlatformFailed> => {
  const given = variable(env, "AGENT_SYNC_KEY")
  if (given !== undefined) return Either.right(given)
  const files = filesOf(foldersOf(env), tenant)
  return Either.try({
    try: () => {
      const found = keyIn(files)
      if (found !== undefined || !makes) return found?.text
      makeMissing(files)
      return keyIn(files)?.text
    },
    catch: (error) =>
      new PlatformFailed({
        what: `The keys in ${files.folder} cannot be used: ${error instanceof Error ? error.message : String(error)}.`,
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
  const secret = authSecret(filesOf(foldersOf(env), tenant))
  return secret === undefined ? undefined : mint(secret, { tenant, roles }, TOKEN_SECONDS)
}

/** A preset with its references followed; `AGENT_SYNC_URL _TENANT _TOKEN _KEY` stand above what the file says. */
export const preset = (env: Env, cwd: string, name?: string): Either.Either<ResolvedPreset, PlatformFailed> =>
  Either.gen(function* () {
    const { config, file } = yield* found(env, cwd)
    const byCode = name === undefined ? undefined : { value: name, origin: "code" }
    const chosen = yield* Either.mapLeft(
      presetOf(config, file, env, byCode),
      ({ has, what }) =>
        new PlatformFailed({
          what,
          fix: has.length === 0 ? "`agent-sync init` writes one." : `It has: ${has.join(", ")}.`
        })
    )
    const { auth, enabled, encryption, ...rest } = chosen.preset ?? {}
    const secret = (name: Parameters<typeof secretOf>[0], reference: string | undefined) =>
      Either.mapBoth(secretOf(name, reference, file === undefined ? cwd : dirname(file), env), {
        onLeft: (what) => new PlatformFailed({ what, fix: "Set it, or change the file." }),
        onRight: (found) => found?.text
      })
    const token = yield* secret("AGENT_SYNC_TOKEN", auth?.token)
    const identityKey = yield* secret("AGENT_SYNC_KEY", encryption?.identityKey)
    const named = variable(env, "AGENT_SYNC_TENANT")
    const tenant = named === undefined ? (rest.tenant ?? config.tenant) : yield* tenantOf(named)
    const given = variable(env, "AGENT_SYNC_URL")
    const url = given ?? rest.url
    return Schema.encodeSync(Schema.Struct(presetless))({
      ...rest,
      // A hub that is named beside a preset which is switched off is meant.
      ...(enabled === undefined || given !== undefined ? {} : { enabled }),
      ...(tenant === undefined ? {} : { tenant }),
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
    const { config, file } = yield* found(env, cwd)
    return yield* Either.mapLeft(
      redactionOf(config.redact ?? {}, env),
      (what) => new PlatformFailed({ what: `${file} cannot be used: ${what}.`, fix: MEND })
    )
  })

const tenantOf = (text: string) =>
  Either.mapLeft(
    Schema.decodeEither(TenantId)(text),
    (error) =>
      new PlatformFailed({
        what: `AGENT_SYNC_TENANT is ${JSON.stringify(text)}, which is no tenant.`,
        fix: ParseResult.ArrayFormatter.formatErrorSync(error)[0]?.message ?? ""
      })
  )

const MEND = "Mend the file."

const found = (env: Env, cwd: string) => {
  const file = configFileOf(env, cwd)
  const config = file === undefined ? Either.right<ConfigFile>({}) : readConfig(file)
  return Either.mapBoth(config, {
    onLeft: (what) => new PlatformFailed({ what, fix: MEND }),
    onRight: (config) => ({ config, file })
  })
}

/** As a preset, with the secrets themselves in place of references. */
const presetless = {
  ...presetFields,
  encryption: Schema.optional(
    Schema.Struct({ enabled: Schema.optional(Schema.Boolean), identityKey: Schema.optional(Schema.String) })
  ),
  auth: Schema.optional(Schema.Struct({ token: Schema.optional(Schema.String) }))
}
