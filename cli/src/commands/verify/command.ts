/** The grammar of `verify`. What it does is in `run.ts`, loaded when it is called. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Option from "effect/Option"
import { loaded } from "../../loaded.ts"
import { flags, hub, json, tenant } from "../../options.ts"

const session = Args.text({ name: "session" }).pipe(
  Args.withDescription(
    "Its id, or how the id ends; or an exported FILE.html, offline. Every session where it is not given"
  ),
  Args.optional
)
const all = Options.boolean("all").pipe(Options.withDescription("Every session of the tenant, as without a session"))
const checkpoint = Options.file("checkpoint").pipe(
  Options.withDescription("Hold it against what an earlier verify --json wrote into this file"),
  Options.optional
)
const offline = Options.boolean("offline").pipe(
  Options.withDescription("Ask no hub: examine what this machine recorded, in its own journal")
)
const forget = Options.boolean("forget").pipe(
  Options.withDescription("Take what is there now as the beginning, whatever was seen before")
)

export const verify = Command.make(
  "verify",
  { session, all, checkpoint, offline, forget, tenant, json, ...hub },
  (given) =>
    loaded(() => import("./run.ts"), {
      ...flags(given),
      session: Option.getOrUndefined(given.session),
      all: given.all,
      checkpoint: Option.getOrUndefined(given.checkpoint),
      offline: given.offline,
      forget: given.forget,
      json: given.json
    })
).pipe(
  Command.withDescription(
    "Prove that nothing was dropped, changed, reordered or rolled back: exit 0 if all holds, 1 if not"
  )
)
