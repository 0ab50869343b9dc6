/**
 * Sets up a folder: keys outside of it, `agent-sync.json` without a secret, a Worker of one's own, an example agent.
 * Nothing that exists is overwritten without `--force`, and keys never are. Asks on a terminal; flags alone elsewhere.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs"
import { basename, dirname, join, resolve } from "node:path"
import type { TenantId } from "agent-sync"
import { Home } from "agent-sync/bun"
import * as Effect from "effect/Effect"
import { foldersOf } from "#folders"
import manifest from "../../../../package.json" with { type: "json" }
import { agentsHere, foundHere } from "../../agentsHere.ts"
import { parseTenant } from "../../Config.ts"
import { EXIT, Failure } from "../../Failure.ts"
import { canAsk, globals } from "../../globals.ts"
import { filesOf, makeKeys } from "../../Keys.ts"
import { paintFor, shortPath } from "../../paint.ts"
import { plural } from "../../Terminal.ts"
import { fit } from "../../wrap.ts"
import { EXAMPLE, type Planned, plan, WORKER_FOLDER } from "./plan.ts"

export interface InitInput {
  readonly dir: string | undefined
  readonly tenant: string | undefined
  readonly name: string | undefined
  readonly storage: "do" | "d1" | undefined
  readonly worker: boolean
  readonly local: boolean
  readonly yes: boolean
  readonly force: boolean
  readonly dryRun: boolean
}

export const run = (input: InitInput) =>
  Effect.gen(function* () {
    const folder = resolve(input.dir ?? ".")
    const guess = tenantFrom(basename(folder))
    const asking = !input.yes && !input.dryRun && canAsk()
    if (!asking && !input.yes && input.tenant === undefined) return yield* noTerminal(input, guess)
    if (input.name !== undefined && !/^[a-z0-9]([a-z0-9-]{0,58}[a-z0-9])?$/.test(input.name)) {
      return yield* new Failure({
        exit: EXIT.usage,
        code: "BadName",
        what: `${JSON.stringify(input.name)} is no name for a Worker.`,
        now: "It has at most 60 small letters, digits and dashes. Nothing was written."
      })
    }
    // A mistake is told before anything is asked.
    if (input.tenant !== undefined) yield* parseTenant(input.tenant)
    yield* ensureFree(folder, [Home.CONFIG_FILE], input)
    const prompts = asking ? yield* Effect.promise(() => import("./ask.ts")) : undefined
    const answers =
      prompts === undefined
        ? { tenant: input.tenant ?? guess, worker: input.worker, storage: input.storage ?? ("do" as const) }
        : yield* Effect.promise(() => prompts.ask(input, guess, manifest.version))
    if (answers === undefined) return EXIT.interrupted
    const tenant = yield* parseTenant(answers.tenant)
    const name = input.name ?? `${workerName(tenant)}-sync`
    const planned = yield* Effect.try({
      try: () => plan(folder, { ...answers, tenant, name }),
      catch: (cause) => cannotWrite(cause, "Nothing was written.")
    })
    yield* ensureFree(
      folder,
      planned.filter(({ adds }) => adds === undefined).map(({ path }) => path),
      input
    )
    if (input.dryRun) return dryRun(planned, tenant)

    const files = filesOf(foldersOf(process.env), tenant)
    const keys = yield* makeKeys(files)
    yield* Effect.try({
      try: () => {
        for (const { path, text } of planned) {
          const file = join(folder, path)
          mkdirSync(dirname(file), { recursive: true })
          writeFileSync(file, text)
        }
      },
      catch: (cause) => cannotWrite(cause, "What it had written before stays; with --force it begins again.")
    })

    const rows = summary(planned, answers.worker, tenant, files.folder, keys.length > 0)
    const warnings = [
      ...(keys.some((path) => path.endsWith("reader.key"))
        ? [
            "Only this machine has the key. If it is lost, so are the sessions.\nKeep a copy:  agent-sync identity words --reveal"
          ]
        : []),
      ...foundHere(agentsHere(process.env, Date.now()))
    ]
    const title = `Wrote ${planned.length + keys.length} files`
    const into = input.dir === undefined ? "" : `cd ${shortPath(folder)}, then  `
    const next = answers.worker
      ? `Next:  ${into}agent-sync deploy --env prod   or, with no account,  agent-sync dev`
      : `Next:  ${into}agent-sync dev   and, beside it,  agent-sync run -- bun ${EXAMPLE}   agent-sync tail`
    if (globals.quiet) return EXIT.ok
    if (prompts !== undefined) prompts.report(rows, title, warnings, next)
    else plainReport([...planned.map(({ path }) => join(folder, path)), ...keys], warnings, next)
    return EXIT.ok
  })

/** One line for each file: in a log each can be found. */
const plainReport = (files: ReadonlyArray<string>, warnings: ReadonlyArray<string>, next: string) => {
  const paint = paintFor(process.stderr)
  const lines = [
    ...files.map((file) => `  ${paint.green("✓")} ${shortPath(file)}`),
    "",
    ...warnings.map((text) => `  ${paint.yellow("!")} ${text.replaceAll("\n", "\n    ")}\n`),
    `  ${next}`
  ]
  process.stderr.write(fit(`${lines.join("\n")}\n`, process.stderr))
}

const summary = (
  planned: ReadonlyArray<Planned>,
  worker: boolean,
  tenant: TenantId,
  keysFolder: string,
  made: boolean
): ReadonlyArray<string> => {
  const inWorker = planned.filter(({ path }) => path.startsWith(`${WORKER_FOLDER}/`)).length
  const ignored = planned.find(({ path }) => path === ".gitignore")
  const rows: ReadonlyArray<readonly [string, string]> = [
    [Home.CONFIG_FILE, `tenant ${tenant}, presets dev${worker ? " and prod" : ""}, no secrets`],
    [
      shortPath(keysFolder),
      made ? "reader key, recorder key, auth secret; mode 0600, outside git" : "the keys that were here already"
    ],
    ...(worker ? [[`${WORKER_FOLDER}/`, `your Worker: ${inWorker} files, ready for agent-sync deploy`] as const] : []),
    [EXAMPLE, "a small agent to try"],
    ...(ignored === undefined ? [] : [[".gitignore", `+${plural(ignored.adds ?? 0, "line")}`] as const])
  ]
  const paint = paintFor(process.stderr)
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, about]) => `${name.padEnd(width)}  ${paint.dim(about)}`)
}

const dryRun = (planned: ReadonlyArray<Planned>, tenant: TenantId) => {
  const { folder } = filesOf(foldersOf(process.env), tenant)
  const lines = [
    ...planned.map(({ adds, path }) =>
      adds === undefined ? `would write ${path}` : `would add ${adds} ${adds === 1 ? "line" : "lines"} to ${path}`
    ),
    existsSync(join(folder, "reader.key"))
      ? `would use the keys in ${shortPath(folder)}`
      : `would make keys in ${shortPath(folder)}`,
    "nothing was written (--dry-run)"
  ]
  process.stdout.write(`${lines.join("\n")}\n`)
  return EXIT.ok
}

const ensureFree = (folder: string, paths: ReadonlyArray<string>, { force }: InitInput) => {
  const there = force ? [] : paths.filter((path) => existsSync(join(folder, path)))
  const [first] = there
  return first === undefined
    ? Effect.void
    : new Failure({
        exit: EXIT.failure,
        code: "WouldOverwrite",
        what: `${there.join(", ")} ${there.length === 1 ? "exists" : "exist"} already; init would overwrite ${there.length === 1 ? "it" : "them"}.`,
        now: "Nothing was written.",
        tries: [
          { command: "agent-sync init --dry-run --yes --force", why: "shows what it would write" },
          { command: "agent-sync init --force", why: "overwrites; keys stay as they are" }
        ]
      })
}

const noTerminal = ({ local }: InitInput, guess: string) =>
  new Failure({
    exit: EXIT.usage,
    code: "MissingFlags",
    what: "init: no terminal to ask on. Missing: --tenant NAME, or --yes.",
    now: "Nothing was written.",
    tries: [{ command: `agent-sync init --yes${local ? " --local" : ""} --tenant ${guess}` }]
  })

const cannotWrite = (cause: unknown, now: string) =>
  new Failure({
    exit: EXIT.failure,
    code: "CannotWrite",
    what: `init could not write: ${cause instanceof Error ? cause.message : String(cause)}.`,
    now
  })

/** A tenant that a folder's name makes. */
const tenantFrom = (folder: string) =>
  folder
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/^[^a-z0-9]+|-+$/g, "")
    .slice(0, 64) || "default"

/** What Cloudflare takes as a Worker's name. */
const workerName = (tenant: TenantId) =>
  tenant
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 50)
