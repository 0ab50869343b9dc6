/** The grammar of `note`. What it does is in `run.ts`, loaded when it is called. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Option from "effect/Option"
import { loaded } from "../../loaded.ts"
import { flags, hub, json, tenant } from "../../options.ts"

const session = Args.text({ name: "session" }).pipe(Args.withDescription("Its id, or how the id ends"))
const text = Args.text({ name: "text" }).pipe(Args.withDescription("What to say; - reads it from stdin"))
const by = Options.text("by").pipe(
  Options.withDescription("Who says it; your user name where it is not given"),
  Options.optional
)

export const note = Command.make("note", { session, text, by, tenant, json, ...hub }, (given) =>
  loaded(() => import("./run.ts"), {
    ...flags(given),
    session: given.session,
    text: given.text,
    by: Option.getOrUndefined(given.by),
    json: given.json
  })
).pipe(Command.withDescription("Put a remark of your own into a session's log, for everyone who watches it"))
