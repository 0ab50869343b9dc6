/** Makes a tenant's keys outside the repository and writes `agent-sync.json`, which holds no secret. */
import { existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { CONFIG_FILE, type ConfigFile, DEV_PORT, parseTenant } from "../../Config.ts"
import { EXIT, Failure } from "../../Failure.ts"
import { foldersOf } from "../../Folders.ts"
import { filesOf, makeKeys } from "../../Keys.ts"
import { paintFor, shortPath } from "../../paint.ts"

export interface InitInput {
  readonly local: boolean
  readonly yes: boolean
  readonly tenant: string | undefined
}

export const run = ({ local, tenant: named, yes }: InitInput) =>
  Effect.gen(function* () {
    if (!local || !yes || named === undefined) {
      const missing = [
        ...(local ? [] : ["--local"]),
        ...(yes ? [] : ["--yes"]),
        ...(named === undefined ? ["--tenant NAME"] : [])
      ]
      return yield* new Failure({
        exit: EXIT.usage,
        code: "MissingFlags",
        what: `init does not ask questions yet. Missing: ${missing.join(", ")}.`,
        now: "Nothing was written. A Worker on your own Cloudflare account is not part of this version; the hub on this machine is.",
        tries: [{ command: `agent-sync init --local --yes --tenant ${named ?? "acme"}` }]
      })
    }
    const tenant = yield* parseTenant(named)
    const file = join(process.cwd(), CONFIG_FILE)
    if (existsSync(file)) {
      return yield* new Failure({
        exit: EXIT.failure,
        code: "WouldOverwrite",
        what: `${CONFIG_FILE} exists already; init would overwrite it.`,
        now: "Nothing was written.",
        tries: [{ command: `rm ${CONFIG_FILE}`, why: "and init again, if it is not needed" }]
      })
    }
    const config: ConfigFile = {
      tenant,
      presets: { dev: { url: `ws://127.0.0.1:${DEV_PORT}` } }
    }
    const keys = yield* makeKeys(filesOf(foldersOf(process.env), tenant))
    const wrote = yield* Effect.try({
      try: () => {
        writeFileSync(file, `${JSON.stringify(config, null, 2)}\n`, { flag: "wx" })
        return [...keys, file]
      },
      catch: (error) =>
        new Failure({
          exit: EXIT.failure,
          code: "CannotWrite",
          what: `init could not write: ${error instanceof Error ? error.message : String(error)}.`,
          now: "What it had written before stays; running it again goes on from there."
        })
    })

    const paint = paintFor(process.stderr)
    const about: Record<string, string> = {
      "reader.key": "opens every session of this tenant; only people who watch need it",
      "recorder.key": "lets a machine record and not read back",
      "auth-secret": "signs the tokens of the hub on this machine"
    }
    const width = Math.max(...wrote.map((path) => shortPath(path).length))
    const rows = wrote.map((path) => {
      const name = path.split("/").at(-1) ?? ""
      return `  ${paint.green("✓")} ${shortPath(path).padEnd(width)}  ${paint.dim(about[name] ?? `tenant ${tenant}, preset dev, no secrets`)}`
    })
    const lost = wrote.some((path) => path.endsWith("reader.key"))
      ? `\n  ${paint.yellow("!")} Only this machine has the reader key. If it is lost, so are the sessions: keep a copy.\n`
      : ""
    process.stderr.write(
      `${rows.join("\n")}\n${lost}\n  Next  ${paint.cyan("agent-sync dev")}                 the hub, in a terminal of its own\n        ${paint.cyan("agent-sync run -- claude -p …")}  record\n        ${paint.cyan("agent-sync tail")}                watch\n`
    )
    return EXIT.ok
  })
