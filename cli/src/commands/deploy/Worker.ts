/**
 * The Worker's folder as `deploy` and `destroy` see it: what `wrangler.jsonc` says of an environment, and what is missing in
 * it. wrangler itself only warns of a missing binding, and deploys a hub that cannot work.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { applyEdits, modify, type ParseError, parse } from "jsonc-parser"
import type { Settings } from "../../Config.ts"
import { EXIT, Failure } from "../../Failure.ts"
import { hubVariables } from "../../HubVariables.ts"

const Name = Schema.String.pipe(Schema.pattern(/^[a-z0-9][a-z0-9-]*$/))
const Database = Schema.Struct({
  binding: Schema.String,
  database_name: Schema.optional(Schema.String),
  database_id: Schema.optional(Schema.String)
})
const Environment = Schema.Struct({
  name: Schema.optional(Name),
  account_id: Schema.optional(Schema.String),
  vars: Schema.optional(Schema.Record({ key: Schema.String, value: Schema.Unknown })),
  durable_objects: Schema.optional(
    Schema.Struct({ bindings: Schema.Array(Schema.Struct({ name: Schema.String, class_name: Schema.String })) })
  ),
  d1_databases: Schema.optional(Schema.Array(Database))
})
/** What we look at; the rest of the file is wrangler's. */
const Wrangler = Schema.Struct({
  name: Name,
  account_id: Schema.optional(Schema.String),
  migrations: Schema.optional(
    Schema.Array(Schema.Struct({ new_sqlite_classes: Schema.optional(Schema.Array(Schema.String)) }))
  ),
  env: Schema.optional(Schema.Record({ key: Schema.String, value: Environment }))
})

export interface Missing {
  readonly what: string
  readonly fix: string
}

export interface Worker {
  readonly folder: string
  readonly file: string
  readonly environment: string
  /** What it is called on Cloudflare. */
  readonly name: string
  readonly storage: string
  /** Variables that the preset decides, whatever the file says. */
  readonly vars: Readonly<Record<string, string>>
  readonly database: { readonly name: string; readonly id: string | undefined } | undefined
  readonly accountId: string | undefined
  /** wrangler's program, where it is installed. */
  readonly wrangler: string | undefined
  readonly missing: ReadonlyArray<Missing>
}

const BINDING = "SYNC"
const DATABASE_BINDING = "DB"

/** Beside the config file, or here. Fails only where there is nothing that could be looked at, or the preset asks for what no Worker can. */
export const workerOf = (
  { file: configFile, presets }: Pick<Settings, "file" | "presets">,
  cwd: string,
  environment: string
): Either.Either<Worker, Failure> => {
  if (presets[environment]?.provider === "bun") {
    const others = Object.keys(presets).filter((name) => presets[name]?.provider === "cloudflare")
    return Either.left(
      new Failure({
        exit: EXIT.usage,
        code: "NoWorker",
        what: `Preset ${environment} is a hub that runs with Bun (provider bun), not a Worker.`,
        now: "Nothing was asked of Cloudflare.",
        tries: others.map((name) => ({ command: `-e ${name}`, why: "a preset for Cloudflare" }))
      })
    )
  }
  const folder = join(configFile === undefined ? cwd : dirname(configFile), "worker")
  const vars = hubVariables(environment, presets[environment] ?? {}, "worker")
  if (Either.isLeft(vars)) return Either.left(vars.left)
  const file = ["wrangler.jsonc", "wrangler.json"].map((name) => join(folder, name)).find((path) => existsSync(path))
  if (file === undefined) {
    return Either.left(
      new Failure({
        exit: EXIT.usage,
        code: "NoWorker",
        what: `There is no Worker in ${folder}.`,
        now: "Nothing was deployed.",
        tries: [{ command: "agent-sync init", why: "writes it; --force where agent-sync.json exists already" }]
      })
    )
  }
  const errors: Array<ParseError> = []
  const json: unknown = parse(readFileSync(file, "utf8"), errors, { allowTrailingComma: true })
  const decoded = errors.length > 0 ? undefined : Schema.decodeUnknownEither(Wrangler)(json)
  if (decoded === undefined || Either.isLeft(decoded)) {
    const [issue] = decoded === undefined ? [] : ParseResult.ArrayFormatter.formatErrorSync(decoded.left)
    return Either.left(
      new Failure({
        exit: EXIT.usage,
        code: "BadWrangler",
        what: `${file} cannot be read: ${issue === undefined ? `it is no JSON at character ${errors[0]?.offset ?? 0}` : `${issue.path.join(".")} ${issue.message}`}.`,
        now: "Nothing was deployed."
      })
    )
  }
  return Either.right(examine(folder, file, environment, decoded.right, vars.right))
}

const examine = (
  folder: string,
  file: string,
  environment: string,
  config: typeof Wrangler.Type,
  vars: Worker["vars"]
): Worker => {
  const env = config.env?.[environment]
  const missing: Array<Missing> = []
  const lacks = (what: string, fix: string) => void missing.push({ what, fix })
  const at = `env.${environment} of ${file}`
  if (env === undefined) {
    lacks(
      `${file} has no environment ${environment}`,
      `add env.${environment}; it has: ${Object.keys(config.env ?? {}).join(", ")}`
    )
  }
  const object = env?.durable_objects?.bindings.find(({ name }) => name === BINDING)
  if (env !== undefined && object === undefined) {
    lacks(
      `${at} has no Durable Object binding ${BINDING}`,
      `add "durable_objects": { "bindings": [{ "name": "${BINDING}", "class_name": "SyncDurableObject" }] }`
    )
  }
  const classes = (config.migrations ?? []).flatMap((one) => one.new_sqlite_classes ?? [])
  if (object !== undefined && !classes.includes(object.class_name)) {
    lacks(
      `no migration of ${file} makes the class ${object.class_name}`,
      `add "migrations": [{ "tag": "v1", "new_sqlite_classes": ["${object.class_name}"] }]`
    )
  }
  const inFile = env?.vars?.SYNC_STORAGE
  if (vars.SYNC_STORAGE !== undefined && inFile !== undefined && inFile !== vars.SYNC_STORAGE) {
    // Whichever won, the entries of before would lie in the other.
    lacks(
      `${at} keeps entries in ${String(inFile)}, and preset ${environment} of agent-sync.json in ${vars.SYNC_STORAGE}`,
      "say the same in both, where the entries are"
    )
  }
  const said = vars.SYNC_STORAGE ?? inFile
  const storage = typeof said === "string" && said !== "" ? said : "do"
  const name = env?.name ?? `${config.name}-${environment}`
  const database = storage === "d1" ? env?.d1_databases?.find(({ binding }) => binding === DATABASE_BINDING) : undefined
  if (storage === "d1" && env !== undefined && database === undefined) {
    lacks(
      `${at} keeps entries in D1 and has no D1 binding ${DATABASE_BINDING}`,
      `add "d1_databases": [{ "binding": "${DATABASE_BINDING}", "database_name": "${name}" }]`
    )
  }
  if (env?.vars?.SYNC_AUTH === "off") {
    lacks(`${at} sets SYNC_AUTH to off: anyone could write to it and read sealed entries`, "remove that variable")
  }
  for (const secret of ["SYNC_AUTH_SECRET", "SYNC_AUTH_TOKEN"]) {
    if (env?.vars?.[secret] !== undefined)
      lacks(`${at} holds the secret ${secret} in the clear`, "remove it from vars; deploy sets the secret itself")
  }
  const wrangler = wranglerOf(folder)
  if (wrangler === undefined) lacks(`wrangler is not installed in ${folder}`, `(cd ${folder} && bun install)`)
  return {
    folder,
    file,
    environment,
    name,
    storage,
    vars,
    database: database === undefined ? undefined : { name: database.database_name ?? name, id: database.database_id },
    accountId: env?.account_id ?? config.account_id,
    wrangler,
    missing
  }
}

/** Node's way: the nearest `node_modules` upwards that has it. */
const wranglerOf = (folder: string): string | undefined => {
  const program = join(folder, "node_modules", "wrangler", "wrangler-dist", "cli.js")
  if (existsSync(program)) return program
  const parent = dirname(folder)
  return parent === folder ? undefined : wranglerOf(parent)
}

/** Names the database that was made, or none where it was removed, where the file says which one it is for. */
export const rememberDatabase = ({ environment, file }: Worker, id: string | undefined) => {
  const text = readFileSync(file, "utf8")
  const json: unknown = parse(text, [], { allowTrailingComma: true })
  const databases =
    Either.getOrUndefined(Schema.decodeUnknownEither(Wrangler)(json))?.env?.[environment]?.d1_databases ?? []
  const at = databases.findIndex(({ binding }) => binding === DATABASE_BINDING)
  if (at !== -1) set(file, text, ["env", environment, "d1_databases", at, "database_id"], id)
}

/** The hub's address in `agent-sync.json`, or none; comments and layout stay. */
export const rememberUrl = (file: string, preset: string, url: string | undefined) =>
  set(file, readFileSync(file, "utf8"), ["presets", preset, "url"], url)

const set = (file: string, text: string, path: Array<string | number>, value: unknown) =>
  writeFileSync(
    file,
    applyEdits(text, modify(text, path, value, { formattingOptions: { insertSpaces: true, tabSize: 2 } }))
  )
