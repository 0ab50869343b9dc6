/** Installs, removes and shows Claude Code's hooks. What the settings file looks like is `ClaudeSettings.ts`. */
import { existsSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { foldersOf } from "#folders"
import { EXIT, Failure } from "../../Failure.ts"
import { paintFor, shortPath } from "../../paint.ts"
import * as Spool from "../../spool/Spool.ts"
import { plural } from "../../Terminal.ts"
import * as Claude from "./ClaudeSettings.ts"
import { eventsHere } from "./claudeProgram.ts"

export interface HooksInput {
  readonly action: "install" | "remove" | "status"
  readonly user: boolean
  readonly project: boolean
  readonly json: boolean
}

/** The hook program, beside the bin. */
const PROGRAM = ["agent-sync-hook.ts", "agent-sync-hook.js"]

export const run = (input: HooksInput) =>
  Effect.gen(function* () {
    if (input.user && input.project) {
      return yield* new Failure({
        exit: EXIT.usage,
        code: "TwoScopes",
        what: "--user and --project exclude each other.",
        now: "Nothing was changed."
      })
    }
    const program = yield* hookProgram()
    const command = Claude.hookCommand(process.execPath, program)
    if (input.action === "status") return yield* status(input, command)

    const scope: Claude.Scope = input.project ? "project" : "user"
    const file = Claude.settingsFile(scope, process.env, process.cwd())
    const before = yield* Claude.read(file)
    const settings = before?.settings ?? {}
    const { events, program: claude } = eventsHere(process.env)
    const after =
      input.action === "install" ? Claude.withHooks(settings, command, events) : Claude.withoutHooks(settings)
    const changed = after !== settings
    // Where it is, run looks into it too.
    if (input.action === "install") Spool.prepare(foldersOf(process.env))
    const backup = changed ? yield* Claude.write(file, before, after) : undefined
    const { disabled } = Claude.statusOf(after, command)
    if (input.json) {
      process.stdout.write(
        `${JSON.stringify({ schema: 1, action: input.action, scope, file, changed, backup, disabled, events, claude })}\n`
      )
      return EXIT.ok
    }
    const paint = paintFor(process.stderr)
    const done = input.action === "install" ? "Hooks are in" : "No hooks of ours are left in"
    process.stderr.write(
      `${paint.green("✓")} ${changed ? done : `Nothing to change in`} ${shortPath(file)}${backup === undefined ? "" : paint.dim(`  (before: ${shortPath(backup)})`)}\n`
    )
    if (input.action === "install" && claude === undefined) {
      process.stderr.write(
        `${paint.yellow("!")} Claude Code was not found, so only what every version knows is told; that you are asked, some seconds late.\n`
      )
    }
    if (disabled) process.stderr.write(`${paint.yellow("!")} disableAllHooks is set there, so Claude Code runs none.\n`)
    if (input.action === "install") {
      process.stderr.write(
        `  Sessions that start from now on tell what they do. Keep them flowing:  ${paint.cyan("agent-sync up --install")}\n`
      )
    }
    return EXIT.ok
  })

const status = ({ json, project, user }: HooksInput, command: string) =>
  Effect.gen(function* () {
    const scopes: ReadonlyArray<Claude.Scope> = user ? ["user"] : project ? ["project"] : ["user", "project"]
    const found = []
    for (const scope of scopes) {
      const file = Claude.settingsFile(scope, process.env, process.cwd())
      const read = yield* Claude.read(file)
      found.push({ scope, file, exists: read !== undefined, ...Claude.statusOf(read?.settings ?? {}, command) })
    }
    const { events, program: claude } = eventsHere(process.env)
    const folders = foldersOf(process.env)
    const spool = { waiting: Spool.waiting(folders).length, drainer: Spool.drainer(folders) ?? null }
    if (json) {
      process.stdout.write(`${JSON.stringify({ schema: 1, scopes: found, events, claude, spool })}\n`)
      return EXIT.ok
    }
    const paint = paintFor(process.stdout)
    const rows = found.map(({ disabled, file, installed, others, outdated, scope }) => {
      const missing = events.filter((event) => !installed.includes(event)).length
      const unknown = installed.length + missing - events.length
      const how = disabled
        ? "switched off by disableAllHooks"
        : outdated.length > 0
          ? "of another place of agent-sync; install again"
          : installed.length === 0
            ? "not installed"
            : missing === 0
              ? "installed"
              : `${plural(missing, "event")} missing; install again`
      const harm =
        unknown === 0 ? "" : `, ${plural(unknown, "event")} that Claude Code here may not know; install again`
      const beside = others === 0 ? "" : `, ${plural(others, "hook")} of others`
      const sign = how === "installed" ? paint.green("✓") : paint.dim("-")
      return `${sign} ${scope.padEnd(7)}  ${how}${harm}${beside}  ${paint.dim(shortPath(file))}`
    })
    const who = spool.drainer === null ? "nobody records it now" : `process ${spool.drainer} records it`
    process.stdout.write(`${rows.join("\n")}\n  spool    ${spool.waiting} waiting, ${who}\n`)
    return EXIT.ok
  })

const hookProgram = () => {
  const found = [join(import.meta.dir, "..", ".."), import.meta.dir]
    .flatMap((folder) => PROGRAM.map((name) => join(folder, name)))
    .find((file) => existsSync(file))
  return found === undefined
    ? Effect.fail(
        new Failure({
          exit: EXIT.failure,
          code: "NoHookProgram",
          what: "The hook program is not where this agent-sync lies.",
          now: "Nothing was changed.",
          tries: [{ command: "bun install agent-sync", why: "installs it whole" }]
        })
      )
    : Effect.succeed(found)
}
