/** The `redact` section of `agent-sync.json` as commands take it: what is wrong with it is a failure that names the file. */
import { type Redaction, type RedactSection, redactionOf as rulesOf } from "agent-sync/agents"
import * as Either from "effect/Either"
import type { Env } from "#folders"
import { EXIT, Failure } from "./Failure.ts"

export { ENVIRONMENT, type Redaction, RedactSection } from "agent-sync/agents"

/** `file` is where the section stands, for errors; `env` is what an agent that is started here knows. */
export const redactionOf = (
  section: RedactSection | undefined,
  file: string,
  env: Env
): Either.Either<Redaction, Failure> =>
  Either.mapLeft(
    rulesOf(section ?? {}, env),
    (what) =>
      new Failure({
        exit: EXIT.usage,
        code: "BadConfig",
        what: `${file} cannot be used: ${what}.`,
        now: "Nothing was started.",
        tries: [{ command: "agent-sync redact --rules", why: "names the rules" }]
      })
  )
