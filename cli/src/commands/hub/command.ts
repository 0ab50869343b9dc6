/** The grammar of `hub test`. What it does is in `test.ts`, loaded when it is called. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Option from "effect/Option"
import { loaded } from "../../loaded.ts"
import { json, tenant } from "../../options.ts"

const url = Args.text({ name: "url" }).pipe(Args.withDescription("The hub's address, wss://… or ws://…"))
const token = Options.text("token").pipe(
  Options.withDescription(
    "A token for it, which others on this machine can see there: AGENT_SYNC_TOKEN hides it. The configured one, or one of this machine's secret, where it is not given"
  ),
  Options.optional
)

const test = Command.make("test", { url, token, tenant, json }, (given) =>
  loaded(() => import("./test.ts"), {
    url: given.url,
    token: Option.getOrUndefined(given.token),
    tenant: Option.getOrUndefined(given.tenant),
    json: given.json
  })
).pipe(
  Command.withDescription(
    "Ask a hub, in scratch logs, for everything that a hub promises: exit 0 if it keeps all, 1 if it breaks one"
  )
)

export const hub = Command.make("hub").pipe(
  Command.withDescription("See whether a hub does what hubs promise"),
  Command.withSubcommands([test])
)
