/** The grammar of `ci-summary`. What it does is in `run.ts`, loaded when it is called. */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Option from "effect/Option"
import { loaded } from "../../loaded.ts"
import { flags, hub, tenant } from "../../options.ts"

const session = Options.text("session").pipe(
  Options.withAlias("s"),
  Options.withDescription("Only this session: its id, or how the id ends; all of the last day where it is not given"),
  Options.optional
)

export const ciSummary = Command.make("ci-summary", { session, tenant, ...hub }, (given) =>
  loaded(() => import("./run.ts"), { ...flags(given), session: Option.getOrUndefined(given.session) })
).pipe(Command.withDescription('What was recorded here, as Markdown: agent-sync ci-summary >> "$GITHUB_STEP_SUMMARY"'))
