/** The grammar of `export`. What it does is in `run.ts`, loaded when it is called. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Option from "effect/Option"
import { loaded } from "../../loaded.ts"
import { flags, hub, tenant } from "../../options.ts"

const session = Args.text({ name: "session" }).pipe(
  Args.withDescription("The session, by its id or the end of it; or a FILE.html that carries its proof"),
  Args.optional
)
const all = Options.boolean("all").pipe(Options.withDescription("Every session of the tenant"))
const format = Options.text("format").pipe(
  Options.withDescription(
    "jsonl, the default: one event a line, of every agent in the same shape; html: a file that opens offline; md: for a pull request"
  ),
  Options.withDefault("jsonl")
)
const history = Options.boolean("history").pipe(
  Options.withDescription("Also what a later event updated, as it was recorded")
)
const noProof = Options.boolean("no-proof").pipe(
  Options.withDescription("html without the sealed entries, their signatures and the key that opens them")
)

export const exportSessions = Command.make(
  "export",
  { ...hub, tenant, all, format, history, noProof, session },
  (given) =>
    loaded(() => import("./run.ts"), {
      ...flags(given),
      all: given.all,
      format: given.format,
      history: given.history,
      proof: !given.noProof,
      session: Option.getOrUndefined(given.session)
    })
).pipe(
  Command.withDescription("Write recorded sessions to stdout, from the hub, or from the journal where there is none")
)
