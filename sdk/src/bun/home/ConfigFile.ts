/**
 * `agent-sync.json`: what may stand in it, which one is meant, and what its references refer to. It holds no secrets: keys and
 * tokens are `env:NAME` or `file:PATH`. Everything here is total; what is wrong is a sentence.
 */
import { existsSync, readFileSync } from "node:fs"
import { homedir } from "node:os"
import { dirname, join, resolve } from "node:path"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { RedactSection } from "../../agents/RedactSection.ts"
import { TenantId } from "../../domain/Ids.ts"
import { Preset } from "../../sync/SyncConfig.ts"
import { type Env, foldersOf, variable } from "./Folders.ts"

/** Its name in a folder. */
export const CONFIG_FILE = "agent-sync.json"

/** What is told of this machine when a session starts. */
export const ContextSection = Schema.Struct({
  /** Branch, commit and remote of the folder's repository. */
  git: Schema.optional(Schema.Boolean),
  /** This machine's name. */
  host: Schema.optional(Schema.Boolean)
})
export type ContextSection = typeof ContextSection.Type

/** `$schema`, a tenant, and presets: the whole surface of a preset is `SyncConfig.Preset`. */
export const ConfigFile = Schema.Struct({
  $schema: Schema.optional(Schema.String),
  tenant: Schema.optional(TenantId),
  /** The preset used when none is named; `dev` where there is one. */
  preset: Schema.optional(Schema.String.annotations({ description: "The preset used when none is named." })),
  presets: Schema.optional(Schema.Record({ key: Schema.String, value: Preset })),
  redact: Schema.optional(RedactSection),
  context: Schema.optional(ContextSection)
})
export type ConfigFile = typeof ConfigFile.Type

/** The `agent-sync.json` of a folder: in it, or in the next one above that has one. */
export const nearest = (from: string): string | undefined => {
  const file = ifExists(join(from, CONFIG_FILE))
  const parent = dirname(from)
  return file ?? (parent === from ? undefined : nearest(parent))
}

/** The file that decides in a folder: its own, else `config.json` in the config folder. */
export const configFileOf = (env: Env, cwd: string) =>
  nearest(cwd) ?? ifExists(join(foldersOf(env).config, "config.json"))

const ifExists = (file: string) => (existsSync(file) ? file : undefined)

/** Left is what is wrong with it, with its path, and without the value: it may be a secret at the wrong place. */
export const readConfig = (file: string): Either.Either<ConfigFile, string> => {
  const unreadable = (why: string) => Either.left(`${file} cannot be read: ${why.replace(/\.$/, "")}.`)
  let json: unknown
  try {
    json = JSON.parse(readFileSync(file, "utf8"))
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    // The parser repeats the word that it stumbled over.
    return unreadable(error instanceof SyntaxError ? why.replace(/:? ".*$/s, "") : why)
  }
  return Either.orElse(Schema.decodeUnknownEither(ConfigFile, { onExcessProperty: "error" })(json), (error) => {
    const [issue] = ParseResult.ArrayFormatter.formatErrorSync(error)
    if (issue === undefined) return unreadable("its shape is wrong")
    return unreadable(`${issue.path.join(".")} ${issue.message.replace(/, actual .*$/s, "")}`)
  })
}

/** A setting, and where it was said. */
export interface Said {
  readonly value: string
  /** Who said it, for people. */
  readonly origin: string
}

/** The first that is said. */
export const firstOf = (
  said: ReadonlyArray<readonly [value: string | undefined, origin: string]>
): Said | undefined => {
  const found = said.find(([value]) => value !== undefined)
  return found?.[0] === undefined ? undefined : { value: found[0], origin: found[1] }
}

/** Which preset is taken: the named one, `AGENT_SYNC_ENV`, the file's own, or `dev` where there is one. */
export const presetOf = (
  config: ConfigFile,
  file: string | undefined,
  env: Env,
  named: Said | undefined
): Either.Either<
  { readonly said: Said | undefined; readonly preset: Preset | undefined },
  { readonly what: string; readonly has: ReadonlyArray<string> }
> => {
  const presets = config.presets ?? {}
  const said = firstOf([
    [named?.value, named?.origin ?? ""],
    [variable(env, "AGENT_SYNC_ENV"), "AGENT_SYNC_ENV"],
    [config.preset, `preset in ${file}`],
    [presets.dev === undefined ? undefined : "dev", "default"]
  ])
  const preset = said === undefined ? undefined : presets[said.value]
  return said !== undefined && preset === undefined
    ? Either.left({
        what: `There is no preset ${said.value}${file === undefined ? ": no agent-sync.json was found" : ` in ${file}`}.`,
        has: Object.keys(presets)
      })
    : Either.right({ said, preset })
}

/** What `env:NAME` or `file:PATH` refers to (relative to the config file's folder; `~/` is the home folder), and where it was found. */
export const follow = (
  reference: string,
  base: string,
  env: Env
): Either.Either<{ readonly text: string; readonly from: string }, string> => {
  const name = reference.slice(reference.indexOf(":") + 1)
  if (reference.startsWith("env:")) {
    const text = variable(env, name)
    return text === undefined ? Either.left(`The variable ${name} is not set.`) : Either.right({ text, from: name })
  }
  const path = name.startsWith("~/") ? join(variable(env, "HOME") ?? homedir(), name.slice(2)) : resolve(base, name)
  try {
    return Either.right({ text: readFileSync(path, "utf8").trim(), from: path })
  } catch {
    return Either.left(`The file ${path} cannot be read.`)
  }
}

/** A secret of a preset: the variable stands above the file's reference, which is followed only where it counts. */
export const secretOf = (
  name: "AGENT_SYNC_KEY" | "AGENT_SYNC_TOKEN",
  reference: string | undefined,
  base: string,
  env: Env
): Either.Either<{ readonly text: string; readonly from: string } | undefined, string> => {
  const text = variable(env, name)
  if (text !== undefined) return Either.right({ text, from: name })
  return reference === undefined ? Either.right(undefined) : follow(reference, base, env)
}
