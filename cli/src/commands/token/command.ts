/** The grammar of `token`. What each does is in `run.ts`, loaded when it is called. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Option from "effect/Option"
import { loaded } from "../../loaded.ts"
import { flags, hub, json, tenant } from "../../options.ts"

const role = Options.text("role").pipe(
  Options.withDescription("read (watch), write (record), admin (revoke, remove); several with commas")
)
const ttl = Options.text("ttl").pipe(
  Options.withDescription("How long it is good: 12h, 30d, or never; 90d where it is not given"),
  Options.withDefault("90d")
)
const session = Options.text("session").pipe(
  Options.withAlias("s"),
  Options.withDescription("Only for this session: its id, or how the id ends"),
  Options.optional
)
const label = Options.text("label").pipe(
  Options.withDescription("What it is for, for your list: ci, laptop, …"),
  Options.optional
)
const id = Args.text({ name: "id" }).pipe(Args.withDescription("The token's id, as token list shows it, or its label"))

const create = Command.make("create", { role, ttl, session, label, json, tenant, ...hub }, (given) =>
  loaded(async () => ({ run: (await import("./run.ts")).create }), {
    ...flags(given),
    role: given.role,
    ttl: given.ttl,
    session: Option.getOrUndefined(given.session),
    label: Option.getOrUndefined(given.label),
    json: given.json
  })
).pipe(Command.withDescription("Make a token for a machine or a person; it is shown once, on stdout"))

const list = Command.make("list", { json, tenant, ...hub }, (given) =>
  loaded(async () => ({ run: (await import("./run.ts")).list }), { ...flags(given), json: given.json })
).pipe(Command.withDescription("The tokens made on this machine"))

const inspect = Command.make("inspect", { json, tenant, ...hub }, (given) =>
  loaded(async () => ({ run: (await import("./run.ts")).inspect }), { ...flags(given), json: given.json })
).pipe(Command.withDescription("Say what a token allows: the one on stdin, else AGENT_SYNC_TOKEN"))

const revoke = Command.make("revoke", { id, json, tenant, ...hub }, (given) =>
  loaded(async () => ({ run: (await import("./run.ts")).revoke }), { ...flags(given), id: given.id, json: given.json })
).pipe(Command.withDescription("End a token at the hub, at once, and whoever is connected with it"))

export const token = Command.make("token").pipe(
  Command.withDescription("Who may connect: make tokens, list them, end them"),
  Command.withSubcommands([create, list, inspect, revoke])
)
