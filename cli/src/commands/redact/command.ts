/** The grammar of `redact`. What it does is in `run.ts`, loaded when it is called. */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Option from "effect/Option"
import { loaded } from "../../loaded.ts"
import { json } from "../../options.ts"

const test = Options.text("test").pipe(
  Options.withDescription(
    "What would be taken out of a file (- is stdin): counts by rule, and where; nothing is written"
  ),
  Options.optional
)
const print = Options.boolean("print").pipe(Options.withDescription("Print the file as it would be recorded, instead"))
const rules = Options.boolean("rules").pipe(Options.withDescription("Name the rules"))

export const redact = Command.make("redact", { test, print, rules, json }, (given) =>
  loaded(() => import("./run.ts"), {
    test: Option.getOrUndefined(given.test),
    print: given.print,
    rules: given.rules,
    json: given.json
  })
).pipe(Command.withDescription("Try out which secrets are taken out before anything is recorded"))
