/** `up`: stays (`stay.ts`), and starts with the login where it was installed (`service.ts`). */
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { foldersOf } from "#folders"
import { EXIT, Failure } from "../../Failure.ts"
import { paintFor, shortPath } from "../../paint.ts"
import * as Spool from "../../spool/Spool.ts"
import { clean } from "../../Terminal.ts"
import { fit } from "../../wrap.ts"
import { call, isInstalled, leftOut, removeService, type Service, serviceOf, writeService } from "./service.ts"
import { stay } from "./stay.ts"

export interface UpInput {
  readonly install: boolean
  readonly remove: boolean
  readonly status: boolean
  readonly json: boolean
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
    return yield* Effect.promise(() => (input.status ? status(service, input.json) : stay(process.env)))
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
  process.stderr.write(fit(`${lines.join("\n")}\n`, process.stderr))
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
  const resident = Spool.resident(folders) ?? null
  const drainer = Spool.drainer(folders) ?? null
  const waiting = Spool.waiting(folders).length
  if (json) {
    const { file, manager } = service
    process.stdout.write(
      `${JSON.stringify({ schema: 1, manager, file, installed, active, resident, drainer, waiting })}\n`
    )
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
      `  process  ${resident === null ? "none" : `${resident}, records what agents here write`}`,
      `  hooks    ${waiting} waiting, ${drainer === null ? "nobody records them now" : `process ${drainer} records them`}`,
      ""
    ].join("\n")
  )
  return EXIT.ok
}
