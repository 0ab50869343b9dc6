/** The grammar of `identity`. What each does is in `run.ts`, loaded when it is called. */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { loaded } from "../../loaded.ts"
import { flags, hub, json, tenant } from "../../options.ts"

const reveal = Options.boolean("reveal").pipe(Options.withDescription("Yes, show the secret, here and now"))
const recorder = Options.boolean("recorder").pipe(
  Options.withDescription("The recorder key: it records and cannot read back")
)
const force = Options.boolean("force").pipe(
  Options.withDescription("Replace the key that is here; it is kept beside the new one")
)
const yes = Options.boolean("yes").pipe(Options.withAlias("y"), Options.withDescription("Ask nothing"))
const common = { json, tenant, ...hub }

const show = Command.make("show", common, (given) =>
  loaded(async () => ({ run: (await import("./run.ts")).show }), { ...flags(given), json: given.json })
).pipe(Command.withDescription("Which keys this machine has, without showing a secret"))

const exported = Command.make("export", { recorder, reveal, ...common }, (given) =>
  loaded(async () => ({ run: (await import("./run.ts")).exportKey }), {
    ...flags(given),
    recorder: given.recorder,
    reveal: given.reveal,
    json: given.json
  })
).pipe(Command.withDescription("Print a key for another machine: AGENT_SYNC_KEY there"))

const imported = Command.make("import", { force, ...common }, (given) =>
  loaded(async () => ({ run: (await import("./run.ts")).importKey }), {
    ...flags(given),
    force: given.force,
    json: given.json
  })
).pipe(Command.withDescription("Take a key or its 24 words, asked for or from stdin"))

const words = Command.make("words", { reveal, ...common }, (given) =>
  loaded(async () => ({ run: (await import("./run.ts")).words }), {
    ...flags(given),
    reveal: given.reveal,
    json: given.json
  })
).pipe(Command.withDescription("The reader key as 24 words, to keep on paper"))

const rotate = Command.make("rotate", { yes, ...common }, (given) =>
  loaded(async () => ({ run: (await import("./rotate.ts")).rotate }), {
    ...flags(given),
    yes: given.yes,
    json: given.json
  })
).pipe(Command.withDescription("Make new keys; what was recorded stays readable with them"))

export const identity = Command.make("identity").pipe(
  Command.withDescription("This machine's keys: show, carry, back up, change"),
  Command.withSubcommands([show, exported, imported, words, rotate])
)
