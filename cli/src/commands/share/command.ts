/** The grammar of `share`. What it does is in `run.ts` and `shares.ts`, loaded when they are called. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Option from "effect/Option"
import { loaded } from "../../loaded.ts"
import { flags, hub, json, tenant } from "../../options.ts"

const session = Args.text({ name: "session" }).pipe(
  Args.withDescription("Its id, or how the id ends; or list, or revoke ID"),
  Args.optional
)
const ttl = Options.text("ttl").pipe(
  Options.withDescription("How long the link works: 2h, 4w; 7d where it is not given"),
  Options.withDefault("7d")
)
const page = Options.text("page").pipe(
  Options.withDescription("Where the viewer is served; the hub's own address where it is not given"),
  Options.optional
)
const id = Args.text({ name: "id" }).pipe(Args.withDescription("As share list prints it"))

const list = Command.make("list", { tenant, json, ...hub }, (given) =>
  loaded(() => import("./list.ts"), { ...flags(given), json: given.json })
).pipe(Command.withDescription("The links that were made on this machine"))

const revoke = Command.make("revoke", { id, tenant, json, ...hub }, (given) =>
  loaded(() => import("./revoke.ts"), { ...flags(given), id: given.id, json: given.json })
).pipe(Command.withDescription("End a link now: the hub takes its token no more, and pages that are open are closed"))

export const share = Command.make("share", { session, ttl, page, tenant, json, ...hub }, (given) =>
  loaded(() => import("./run.ts"), {
    ...flags(given),
    session: Option.getOrUndefined(given.session),
    ttl: given.ttl,
    page: Option.getOrUndefined(given.page),
    json: given.json
  })
).pipe(
  Command.withDescription("Make a link by which one session can be read, and nothing else"),
  Command.withSubcommands([list, revoke])
)
