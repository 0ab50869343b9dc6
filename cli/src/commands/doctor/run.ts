/**
 * Looks at everything that could be wrong, one after the other, and tells each with the command that puts it right. It
 * changes nothing. Ends with 1 where there is an error; a warning is none.
 */
import * as Effect from "effect/Effect"
import { again } from "../../again.ts"
import { type Flags, type Settings, settings } from "../../Config.ts"
import { EXIT } from "../../Failure.ts"
import { globals, terminalEnv } from "../../globals.ts"
import { paintFor } from "../../paint.ts"
import { clean, flat, plural, terminalOf } from "../../Terminal.ts"
import { fit } from "../../wrap.ts"
import * as checks from "./checks.ts"
import { type Finding, failed } from "./Finding.ts"

export const run = (input: Flags & { readonly json: boolean }) =>
  Effect.gen(function* () {
    const show = input.json ? print : line()
    const counts = { ok: 0, warning: 0, error: 0 }
    const tell = (findings: ReadonlyArray<Finding>) => {
      for (const finding of findings) {
        counts[finding.state]++
        show(finding.fix === undefined ? finding : { ...finding, fix: again(finding.fix) })
      }
    }
    tell(checks.runtime())
    const found = yield* Effect.either(settings(input, { env: process.env, cwd: process.cwd() }))
    if (found._tag === "Left") tell([failed("settings", found.left)])
    else {
      const all: ReadonlyArray<(found: Settings) => Effect.Effect<ReadonlyArray<Finding>>> = [
        checks.config,
        checks.hub,
        checks.key,
        checks.journal,
        checks.delivered,
        checks.worker,
        checks.agents,
        checks.orphans
      ]
      for (const check of all) tell(yield* check(found.right))
    }
    const { error, warning } = counts
    const said = [...(error > 0 ? [plural(error, "error")] : []), ...(warning > 0 ? [plural(warning, "warning")] : [])]
    if (!input.json && !globals.quiet)
      process.stdout.write(`\n  ${said.length === 0 ? "All is well" : said.join(", ")}\n`)
    return error > 0 ? EXIT.failure : EXIT.ok
  })

const NAME_COLUMNS = 14

const line = () => {
  const { columns, isTTY } = process.stdout
  const paint = paintFor(process.stdout)
  const { ascii, plain } = terminalOf({ env: terminalEnv(), isTTY: isTTY === true, columns, plain: false })
  const marks = plain
    ? { ok: "ok     ", warning: "warning", error: "error  " }
    : ascii
      ? { ok: paint.green("+"), warning: paint.yellow("!"), error: paint.red("x") }
      : { ok: paint.green("✓"), warning: paint.yellow("!"), error: paint.red("✗") }
  return ({ finding, fix, name, state }: Finding) => {
    if (globals.quiet && state === "ok") return
    const indent = " ".repeat(NAME_COLUMNS + (plain ? 12 : 6))
    // Part of it may be a hub's or an agent's words.
    const text = flat(finding, FINDING_CHARACTERS)
    const told = `  ${marks[state]} ${name.padEnd(NAME_COLUMNS)}  ${state === "ok" ? paint.dim(text) : text}\n`
    const helps = fix === undefined ? "" : `${indent}${paint.cyan(clean(fix))}\n`
    process.stdout.write(fit(told + helps, process.stdout))
  }
}

/** Characters of a finding that are shown. */
const FINDING_CHARACTERS = 1_000

const print = (finding: Finding) => process.stdout.write(`${JSON.stringify({ schema: 1, ...finding })}\n`)
