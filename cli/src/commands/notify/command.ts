/** The grammar of `notify`. What it does is in `run.ts`, loaded when it is called. */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Option from "effect/Option"
import { loaded } from "../../loaded.ts"
import { flags, hub, json, tenant } from "../../options.ts"

const desktop = Options.boolean("desktop").pipe(Options.withDescription("A notice on this desktop; the default"))
const webhook = Options.text("webhook").pipe(
  Options.withDescription("POST a JSON object to this address; AGENT_SYNC_WEBHOOK_TOKEN is sent as a bearer token"),
  Options.optional
)
const ntfy = Options.text("ntfy").pipe(
  Options.withDescription(
    "Publish to this ntfy topic (https://ntfy.sh/TOPIC); AGENT_SYNC_NTFY_TOKEN where it needs one"
  ),
  Options.optional
)
const condition = Options.text("for").pipe(
  Options.withDescription(
    "waiting (for you), idle, ended, error; several with commas. waiting,ended,error where it is not given"
  ),
  Options.withDefault("waiting,ended,error")
)
const session = Options.text("session").pipe(
  Options.withAlias("s"),
  Options.withDescription("Only this session: its id, or how the id ends"),
  Options.optional
)
const brief = Options.boolean("brief").pipe(
  Options.withDescription("Send only which session and its state, nothing that was said or asked")
)

export const notify = Command.make(
  "notify",
  { desktop, webhook, ntfy, condition, session, brief, tenant, json, ...hub },
  (given) =>
    loaded(() => import("./run.ts"), {
      ...flags(given),
      desktop: given.desktop,
      webhook: Option.getOrUndefined(given.webhook),
      ntfy: Option.getOrUndefined(given.ntfy),
      condition: given.condition,
      session: Option.getOrUndefined(given.session),
      brief: given.brief,
      json: given.json
    })
).pipe(Command.withDescription("Tell you when a session waits for you, ends or fails; runs where the reader key is"))
