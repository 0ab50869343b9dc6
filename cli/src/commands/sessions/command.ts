/** The grammar of `sessions`. What it does is in `run.ts`, loaded when it is called. */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Option from "effect/Option"
import { loaded } from "../../loaded.ts"
import { flags, hub, json, tenant } from "../../options.ts"

const state = Options.text("state").pipe(
  Options.withDescription("Only those that are running, waiting, idle, ended or failed; several with commas between"),
  Options.optional
)
const since = Options.text("since").pipe(
  Options.withDescription("Only those of which something was told since 2h, 3d or 2026-11-24T14:30"),
  Options.optional
)
const limit = Options.integer("limit").pipe(
  Options.withAlias("n"),
  Options.withDescription("The newest so many; 20 for people, all with --json, 0 for all"),
  Options.optional
)

export const sessions = Command.make("sessions", { state, since, limit, json, tenant, ...hub }, (given) =>
  loaded(() => import("./run.ts"), {
    ...flags(given),
    state: Option.getOrUndefined(given.state),
    since: Option.getOrUndefined(given.since),
    limit: Option.getOrUndefined(given.limit),
    json: given.json
  })
).pipe(
  Command.withDescription(
    "Which sessions there are, the newest first: from the hub, or from the journal where there is none"
  )
)
