/** The grammar of `config`. What it does is in `run.ts`, loaded when it is called. */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { loaded } from "../../loaded.ts"
import { flags, hub, json, tenant } from "../../options.ts"

const showOrigin = Options.boolean("show-origin").pipe(Options.withDescription("Who decided each setting"))

const list = Command.make("list", { showOrigin, json, tenant, ...hub }, (given) =>
  loaded(() => import("./run.ts"), { ...flags(given), showOrigin: given.showOrigin, json: given.json })
).pipe(Command.withDescription("The settings that commands here work with; no secret is shown"))

export const config = Command.make("config").pipe(
  Command.withDescription("Settings: what they are and where they come from"),
  Command.withSubcommands([list])
)
