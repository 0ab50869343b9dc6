/**
 * The resident process of a machine: records what hooks leave and keeps it flowing to the hubs. It starts with the login
 * where it was installed (`service.ts`). What follows agents' own files takes its place among the parts.
 */
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { EXIT, Failure } from "../../Failure.ts"
import { foldersOf } from "../../Folders.ts"
import { paintFor, shortPath } from "../../paint.ts"
import { drainSpool } from "../../spool/drain.ts"
import * as Spool from "../../spool/Spool.ts"
import { clean } from "../../Terminal.ts"
import { call, isInstalled, leftOut, removeService, type Service, serviceOf, writeService } from "./service.ts"

export interface UpInput {
  readonly install: boolean
  readonly remove: boolean
  readonly status: boolean
  readonly json: boolean
}

/** What works here until it is stopped. */
interface Part {
  readonly stop: () => Promise<void>
}

export const run = (input: UpInput) =>
  Effect.gen(function* () {
    if ([input.install, input.remove, input.status].filter(Boolean).length > 1) {
      return yield* new Failure({
        exit: EXIT.usage,
        code: "TwoActions",
        what: "--install, --remove and --status exclude each other.",
        now: "Nothing was changed."
      })
    }
    const service = serviceOf(process.env, process.platform, [process.execPath, program(), "up"])
    if (input.install) return yield* changed(() => install(service, input.json))
    if (input.remove) return yield* changed(() => remove(service, input.json))
    return yield* Effect.promise(() => (input.status ? status(service, input.json) : stay()))
  })

const changed = (act: () => Promise<number>) =>
  Effect.tryPromise({
    try: act,
    catch: (error) =>
      new Failure({
        exit: EXIT.failure,
        code: "CannotWrite",
        what: `The service could not be changed: ${error instanceof Error ? error.message : String(error)}.`
      })
  })

/** The bin that this is. */
const program = () => process.argv[1] ?? join(import.meta.dir, "..", "..", "main.ts")

const stay = async () => {
  const say = (what: string) => void process.stderr.write(`agent-sync: ${clean(what)}\n`)
  const drain = drainSpool({ env: process.env, say })
  const parts: ReadonlyArray<Part> = [drain]
  if (process.stderr.isTTY) process.stderr.write("Recording what hooks on this machine tell.  Ctrl-C ends it.\n")
  const other = setTimeout(() => {
    const pid = Spool.drainer(foldersOf(process.env))
    if (!drain.active() && pid !== undefined) say(`Process ${pid} records them now; this one takes over when it ends.`)
  }, OTHER_MS)
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => resolve())
  })
  clearTimeout(other)
  for (const part of parts) await part.stop()
  return EXIT.ok
}

/** Milliseconds after which it is said that another process is at work. */
const OTHER_MS = 1_000

const install = async (service: Service, json: boolean) => {
  const wrote = writeService(service)
  const steps = await runAll(service.start)
  const started = steps.at(-1)?.why === undefined
  const without = leftOut(process.env)
  if (json) {
    const { file, manager } = service
    process.stdout.write(
      `${JSON.stringify({ schema: 1, action: "install", manager, file, wrote, started, steps, without })}\n`
    )
    return started ? EXIT.ok : EXIT.failure
  }
  const paint = paintFor(process.stderr)
  const lines = [
    `${paint.green("✓")} ${wrote ? "Wrote" : "Nothing to change in"} ${shortPath(service.file)}`,
    ...steps.map(stepLine),
    started
      ? `${paint.green("✓")} agent-sync up runs, and starts with your login.`
      : `${paint.yellow("!")} It was not started. Run the commands above where ${service.manager} is at hand, or agent-sync up by hand.`,
    ...(service.hint === undefined || !started ? [] : [`  ${paint.dim(service.hint)}`]),
    ...without.map(
      (name) =>
        `${paint.yellow("!")} ${name} is set here and is not written into the file: the service reads the keys folder and agent-sync.json.`
    )
  ]
  process.stderr.write(`${lines.join("\n")}\n`)
  return started ? EXIT.ok : EXIT.failure
}

const remove = async (service: Service, json: boolean) => {
  const steps = isInstalled(service) ? await runAll(service.stop) : []
  const removed = removeService(service)
  if (json) {
    const { file, manager } = service
    process.stdout.write(`${JSON.stringify({ schema: 1, action: "remove", manager, file, removed, steps })}\n`)
    return EXIT.ok
  }
  const paint = paintFor(process.stderr)
  const done = removed ? `Removed ${shortPath(service.file)}; what was recorded stays.` : "It was not installed."
  process.stderr.write(`${[...steps.map(stepLine), `${paint.green("✓")} ${done}`].join("\n")}\n`)
  return EXIT.ok
}

interface Step {
  readonly command: string
  readonly why?: string
}

const runAll = async (commands: ReadonlyArray<ReadonlyArray<string>>): Promise<ReadonlyArray<Step>> => {
  const steps: Array<Step> = []
  for (const command of commands) {
    const ran = await call(command)
    steps.push({ command: command.join(" "), ...(ran.ok ? {} : { why: ran.why }) })
  }
  return steps
}

const stepLine = ({ command, why }: Step) => `  ${command}${why === undefined ? "" : `   (${clean(why)})`}`

const status = async (service: Service, json: boolean) => {
  const folders = foldersOf(process.env)
  const installed = isInstalled(service)
  const checked = installed ? await call(service.check) : undefined
  const active = checked?.ok === true
  const drainer = Spool.drainer(folders) ?? null
  const waiting = Spool.waiting(folders).length
  if (json) {
    const { file, manager } = service
    process.stdout.write(`${JSON.stringify({ schema: 1, manager, file, installed, active, drainer, waiting })}\n`)
    return EXIT.ok
  }
  const paint = paintFor(process.stdout)
  const how = !installed
    ? "not installed"
    : active
      ? "installed, runs"
      : `installed, does not run${checked?.ok === false && checked.missing ? ` (${checked.why})` : ""}`
  process.stdout.write(
    [
      `${active ? paint.green("✓") : paint.dim("-")} service  ${how}  ${paint.dim(shortPath(service.file))}`,
      `  hooks    ${waiting} waiting, ${drainer === null ? "nobody records them now" : `process ${drainer} records them`}`,
      ""
    ].join("\n")
  )
  return EXIT.ok
}
