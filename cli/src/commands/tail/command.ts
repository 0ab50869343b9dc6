/** The grammar of `tail`. What it does is in `run.ts`, loaded when it is called. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Option from "effect/Option"
import { loaded } from "../../loaded.ts"
import { hub, json } from "../../options.ts"

const tenant = Args.text({ name: "tenant" }).pipe(
  Args.withDescription("Whose sessions; the tenant of agent-sync.json where it is not given"),
  Args.optional
)
const session = Options.text("session").pipe(
  Options.withAlias("s"),
  Options.withDescription("Only this session: its id, or how the id ends; all of its events"),
  Options.optional
)
const lines = Options.integer("lines").pipe(
  Options.withAlias("n"),
  Options.withDescription("How many of the last lines of each session to begin with; 20 where none is said"),
  Options.optional
)
const noFollow = Options.boolean("no-follow").pipe(Options.withDescription("Print what is there and end"))
const untilEnd = Options.boolean("until-end").pipe(
  Options.withDescription("End when all sessions that are shown have ended")
)
const since = Options.text("since").pipe(
  Options.withDescription("From a time on, of every session: 2h, 3d, or 2026-11-24T14:30"),
  Options.optional
)
const until = Options.text("until").pipe(Options.withDescription("Up to a time, written alike"), Options.optional)
const type = Options.text("type").pipe(
  Options.withDescription(
    "Only these kinds, with commas: message, tool, permission, error, usage, note, …, or chat, artifact, audit"
  ),
  Options.optional
)
const tool = Options.text("tool").pipe(
  Options.withDescription("Only calls of this tool: Bash, Edit, …"),
  Options.optional
)
const grep = Options.text("grep").pipe(
  Options.withDescription("Only lines whose text a regular expression finds"),
  Options.optional
)
const plain = Options.boolean("plain").pipe(
  Options.withDescription("Words for marks, no colour, no cutting: for logs, grep and screen readers")
)

export const tail = Command.make(
  "tail",
  { tenant, session, lines, since, until, type, tool, grep, noFollow, untilEnd, json, plain, ...hub },
  (given) =>
    loaded(() => import("./run.ts"), {
      tenant: Option.getOrUndefined(given.tenant),
      session: Option.getOrUndefined(given.session),
      lines: Option.getOrUndefined(given.lines),
      since: Option.getOrUndefined(given.since),
      until: Option.getOrUndefined(given.until),
      type: Option.getOrUndefined(given.type),
      tool: Option.getOrUndefined(given.tool),
      grep: Option.getOrUndefined(given.grep),
      env: Option.getOrUndefined(given.env),
      url: Option.getOrUndefined(given.url),
      follow: !given.noFollow,
      untilEnd: given.untilEnd,
      json: given.json,
      plain: given.plain
    })
).pipe(Command.withDescription("Watch a tenant's sessions in this terminal, one line per event, read-only"))
