/** What `init` writes into a folder, as values: each file with its text. Keys are made apart, outside the folder. */
import { existsSync, readFileSync } from "node:fs"
import { join, relative } from "node:path"
import { Home } from "agent-sync/bun"
import { applyEdits, modify } from "jsonc-parser"
import manifest from "../../../../package.json" with { type: "json" }
import { DEV_PORT } from "../../defaults.ts"
import { workerTemplate } from "../../shipped.ts"

export interface Choice {
  readonly tenant: string
  readonly worker: boolean
  /** What the Worker is called on Cloudflare. */
  readonly name: string
  readonly storage: "do" | "d1"
}

export interface Planned {
  /** Below the folder. */
  readonly path: string
  readonly text: string
  /** Lines that are added to what is there; the others are written whole. */
  readonly adds?: number
}

export const WORKER_FOLDER = "worker"
export const EXAMPLE = "example-agent.ts"

export const plan = (folder: string, choice: Choice): ReadonlyArray<Planned> => [
  { path: Home.CONFIG_FILE, text: configText(folder, choice) },
  ...(choice.worker
    ? workerTemplate().map(({ path, text }) => ({
        path: `${WORKER_FOLDER}/${path}`,
        text: filledIn(folder, path, text, choice)
      }))
    : []),
  { path: EXAMPLE, text: example },
  ...ignored(folder, choice)
]

const configText = (folder: string, { storage, tenant, worker }: Choice) => {
  const config: typeof Home.ConfigFile.Encoded = {
    $schema: schemaFor(folder),
    tenant,
    presets: {
      dev: { url: `ws://127.0.0.1:${DEV_PORT}`, provider: "bun" },
      ...(worker ? { prod: { provider: "cloudflare", storage } } : {})
    }
  }
  return `${JSON.stringify(config, null, 2)}\n`
}

/** The schema that came with the package where it is installed here, else the published one: editors read it, we do not. */
const schemaFor = (folder: string) => {
  const file = "node_modules/agent-sync/dist/agent-sync.schema.json"
  return existsSync(join(folder, file))
    ? `./${file}`
    : `https://unpkg.com/agent-sync@${manifest.version}/dist/agent-sync.schema.json`
}

/** Names and settings go into the template's files; comments and layout stay. */
const filledIn = (folder: string, path: string, text: string, { name, storage, tenant }: Choice) => {
  if (path === "wrangler.jsonc") {
    const settings: ReadonlyArray<readonly [ReadonlyArray<string>, unknown]> = [
      [["name"], name],
      ...["dev", "prod"].flatMap(
        (env): Array<readonly [ReadonlyArray<string>, unknown]> => [
          [["env", env, "vars", "SYNC_STORAGE"], storage],
          [["env", env, "vars", "SYNC_DEFAULT_TENANT"], tenant],
          ...(storage === "d1"
            ? [[["env", env, "d1_databases"], [{ binding: "DB", database_name: `${name}-${env}` }]] as const]
            : [])
        ]
      )
    ]
    return settings.reduce((now, [at, value]) => set(now, at, value), text)
  }
  if (path !== "package.json") return text
  return [[["name"], name] as const, [["dependencies", "agent-sync"], sameAgentSync(folder)] as const].reduce(
    (now, [at, value]) => set(now, at, value),
    text
  )
}

const set = (text: string, path: ReadonlyArray<string>, value: unknown) =>
  applyEdits(text, modify(text, [...path], value, { formattingOptions: { insertSpaces: true, tabSize: 2 } }))

/** A project that has agent-sync from a file gives its Worker the same one. */
const sameAgentSync = (folder: string): string => {
  try {
    const project: unknown = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"))
    const has = typeof project === "object" && project !== null ? project : {}
    for (const part of Object.values(has)) {
      const said = typeof part === "object" && part !== null && "agent-sync" in part ? part["agent-sync"] : undefined
      const file = typeof said === "string" ? /^(?:file:)?([./].*)$/.exec(said)?.[1] : undefined
      if (file !== undefined) return file.startsWith("/") ? `file:${file}` : `file:${relative(WORKER_FOLDER, file)}`
    }
  } catch {
    // No project, or one that cannot be read: the published version then.
  }
  return manifest.version
}

const ignored = (folder: string, { worker }: Choice): ReadonlyArray<Planned> => {
  const file = join(folder, ".gitignore")
  const before = existsSync(file) ? readFileSync(file, "utf8") : ""
  const has = new Set(before.split(/\r?\n/).map((line) => line.trim().replace(/^\//, "").replace(/\/$/, "")))
  const wanted = worker ? ["node_modules/", ".wrangler/", ".dev.vars"] : ["node_modules/"]
  const missing = wanted.filter((line) => !has.has(line.replace(/\/$/, "")))
  if (missing.length === 0) return []
  const separator = before === "" || before.endsWith("\n") ? "" : "\n"
  return [{ path: ".gitignore", text: `${before}${separator}${missing.join("\n")}\n`, adds: missing.length }]
}

const example = `/**
 * An agent of a few lines, to see agent-sync work: agent-sync run -- bun ${EXAMPLE}
 * Any program will do: what it prints is recorded, a JSON object a line with its parts, anything else as text.
 */
const say = (line: object) => console.log(JSON.stringify(line))
const pause = () => new Promise((resolve) => setTimeout(resolve, 600))

say({ role: "user", content: "How long is this file?" })
await pause()
say({ type: "assistant", text: "I will count its lines." })
await pause()
const lines = (await Bun.file(import.meta.path).text()).split("\\n").length - 1
say({ event: "tool", name: "count", args: [import.meta.path], lines })
await pause()
say({ type: "assistant", text: \`It has \${lines} lines.\` })

export {}
`
