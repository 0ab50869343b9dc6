/** The grammar of `wait`. What it does is in `run.ts`, loaded when it is called. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Option from "effect/Option"
import { loaded } from "../../loaded.ts"
import { flags, hub, json, tenant } from "../../options.ts"

const session = Args.text({ name: "session" }).pipe(
  Args.withDescription("Its id, or how the id ends; any session where it is not given"),
  Args.optional
)
const condition = Options.text("for").pipe(
  Options.withDescription(
    "waiting (for you; the default), idle, ended, error, cost>5; several with commas. Exit 0; of several: 10 waiting, 11 idle, 12 ended, 13 error, 14 cost"
  ),
  Options.withDefault("waiting")
)
const timeout = Options.text("timeout").pipe(
  Options.withDescription("Give up after 30s, 10m, 2h: exit 124"),
  Options.optional
)

export const wait = Command.make("wait", { session, condition, timeout, tenant, json, ...hub }, (given) =>
  loaded(() => import("./run.ts"), {
    ...flags(given),
    session: Option.getOrUndefined(given.session),
    condition: given.condition,
    timeout: Option.getOrUndefined(given.timeout),
    json: given.json
  })
).pipe(Command.withDescription("Wait until a session waits for you, is idle, has ended, failed, or cost so much"))
