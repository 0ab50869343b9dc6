/**
 * Claude Code's settings file, edited with care: what is not ours stays as it is, nothing is written where nothing
 * changes, the file before the change stays beside it, and a file that is no JSON is left alone.
 */
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  writeFileSync
} from "node:fs"
import { homedir } from "node:os"
import { dirname, join } from "node:path"
import * as Either from "effect/Either"
import { type Env, variable } from "#folders"
import { EXIT, Failure } from "../../Failure.ts"
import { isNamed } from "../../files.ts"

export type Scope = "user" | "project"

/** Seconds that Claude Code waits for a hook; ours takes a fiftieth of one. */
const TIMEOUT = 5
const BACKUP = ".before-agent-sync"

/** The project's file is the personal one: ours names a program of this machine, which does not belong in a repository. */
export const settingsFile = (scope: Scope, env: Env, cwd: string): string =>
  scope === "project"
    ? join(cwd, ".claude", "settings.local.json")
    : join(variable(env, "CLAUDE_CONFIG_DIR") ?? join(variable(env, "HOME") ?? homedir(), ".claude"), "settings.json")

/**
 * From the root folder, so that no settings of the project's own (bunfig, .env) reach the program; whatever happens, the
 * agent hears nothing of it.
 */
export const hookCommand = (bun: string, program: string) =>
  `cd / && ${quoted(bun)} ${quoted(program)} >/dev/null 2>&1 || true`

const quoted = (path: string) => `'${path.replaceAll("'", `'\\''`)}'`
const isOurs = (command: unknown) => typeof command === "string" && /agent-sync-hook\.[jt]s'/.test(command)

interface File {
  readonly text: string
  readonly settings: Fields
}
type Fields = Readonly<Record<string, unknown>>

export interface Status {
  /** Events that have our hook, with exactly this command. */
  readonly installed: ReadonlyArray<string>
  /** Events that have our hook with another command: an older place of agent-sync. */
  readonly outdated: ReadonlyArray<string>
  /** Hooks that are not ours. */
  readonly others: number
  /** Claude Code was told to run no hooks at all. */
  readonly disabled: boolean
}

export const read = (file: string): Either.Either<File | undefined, Failure> => {
  let text: string
  try {
    text = readFileSync(file, "utf8")
  } catch (error) {
    if (isNamed(error, "ENOENT")) return Either.right(undefined)
    return Either.left(unusable(file, error instanceof Error ? error.message : String(error)))
  }
  if (text.trim() === "") return Either.right({ text, settings: {} })
  try {
    const settings = fieldsOf(JSON.parse(text))
    if (settings === undefined) return Either.left(unusable(file, "it holds no JSON object"))
    const { hooks } = settings
    const groups = hooks === undefined ? {} : fieldsOf(hooks)
    const bad = groups === undefined || Object.values(groups).some((one) => !Array.isArray(one))
    return bad ? Either.left(unusable(file, "its hooks are not lists by event")) : Either.right({ text, settings })
  } catch (error) {
    return Either.left(unusable(file, error instanceof Error ? error.message : String(error)))
  }
}

const unusable = (file: string, why: string) =>
  new Failure({
    exit: EXIT.failure,
    code: "BadClaudeSettings",
    what: `${file} cannot be used: ${why}.`,
    now: "It was left as it is."
  })

export const statusOf = (settings: Fields, command: string): Status => {
  const found = { installed: [] as Array<string>, outdated: [] as Array<string>, others: 0 }
  for (const [event, groups] of Object.entries(fieldsOf(settings.hooks) ?? {})) {
    const commands = listOf(groups).flatMap((group) =>
      listOf(fieldsOf(group)?.hooks).map((hook) => fieldsOf(hook)?.command)
    )
    const ours = commands.filter(isOurs)
    found.others += commands.length - ours.length
    if (ours.length > 0) (ours.length === 1 && ours[0] === command ? found.installed : found.outdated).push(event)
  }
  return { ...found, disabled: settings.disableAllHooks === true }
}

/** The same settings with our hooks at these events and at no other, once each. */
export const withHooks = (settings: Fields, command: string, events: ReadonlyArray<string>): Fields => {
  const { installed, outdated } = statusOf(settings, command)
  const asWanted = installed.length === events.length && events.every((event) => installed.includes(event))
  if (outdated.length === 0 && asWanted) return settings
  const others = withoutHooks(settings)
  const hooks = { ...fieldsOf(others.hooks) }
  for (const event of events) {
    hooks[event] = [...listOf(hooks[event]), { hooks: [{ type: "command", command, timeout: TIMEOUT }] }]
  }
  return { ...others, hooks }
}

/** The same settings without our hooks, and without what became empty with them. */
export const withoutHooks = (settings: Fields): Fields => {
  const before = fieldsOf(settings.hooks)
  if (before === undefined) return settings
  let changed = false
  const hooks = Object.entries(before).flatMap(([event, groups]) => {
    const left = listOf(groups).flatMap((group) => {
      const inner = fieldsOf(group)
      const all = listOf(inner?.hooks)
      const kept = all.filter((hook) => !isOurs(fieldsOf(hook)?.command))
      if (kept.length === all.length) return [group]
      changed = true
      return kept.length === 0 ? [] : [{ ...inner, hooks: kept }]
    })
    return left.length === 0 && listOf(groups).length > 0 ? [] : [[event, left] as const]
  })
  if (!changed) return settings
  const { hooks: _, ...rest } = settings
  return hooks.length === 0 ? rest : { ...settings, hooks: Object.fromEntries(hooks) }
}

/** Writes the file whole or not at all; what it held before is beside it afterwards, at the path that is answered. */
export const write = (
  file: string,
  before: File | undefined,
  settings: Fields
): Either.Either<string | undefined, Failure> =>
  Either.try({
    try: () => {
      mkdirSync(dirname(file), { recursive: true })
      // A file that is a link stays one.
      const target = before === undefined ? file : realpathSync(file)
      const backup = before === undefined ? undefined : `${target}${BACKUP}`
      if (backup !== undefined) copyFileSync(target, backup)
      const draft = `${target}.${process.pid}`
      writeFileSync(draft, printed(settings, before?.text), { mode: 0o600 })
      if (before !== undefined) chmodSync(draft, statSync(target).mode & 0o777)
      renameSync(draft, target)
      return backup
    },
    catch: (error) =>
      new Failure({
        exit: EXIT.failure,
        code: "CannotWrite",
        what: `${file} cannot be written: ${error instanceof Error ? error.message : String(error)}.`,
        now: "It was left as it is."
      })
  })

/** Indented as it was, with the line end it had. */
const printed = (settings: Fields, before: string | undefined) => {
  const indent = /^\{\r?\n([ \t]+)"/.exec(before ?? "")?.[1] ?? "  "
  const end = before === undefined || before.endsWith("\n") ? "\n" : ""
  return `${JSON.stringify(settings, null, indent)}${end}`
}

const fieldsOf = (value: unknown): Fields | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : undefined
const listOf = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])
