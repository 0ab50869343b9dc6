/** Tells the hub to take a link's token no more. */
import { mintToken } from "agent-sync"
import * as Effect from "effect/Effect"
import { type Flags, type Role, settings } from "../../Config.ts"
import { EXIT, Failure } from "../../Failure.ts"
import { askHub } from "../../hubApi.ts"
import { authSecret } from "../../Keys.ts"
import { paintFor } from "../../paint.ts"
import { rememberRevoked } from "../../Tokens.ts"
import { kept, linksOf } from "./links.ts"
import { noSecret } from "./run.ts"

export interface RevokeInput extends Flags {
  /** The end of it is enough. */
  readonly id: string
  readonly json: boolean
}

/** Seconds for which the admin token that is made for this is good. */
const ADMIN_SECONDS = 60

export const run = (input: RevokeInput) =>
  Effect.gen(function* () {
    const found = yield* settings(input, { env: process.env, cwd: process.cwd() })
    const { files, tenant } = found
    const links = yield* linksOf(files)
    const matches = links.filter(({ id }) => id.startsWith(input.id))
    const [link] = matches
    if (link === undefined || matches.length > 1) {
      return yield* new Failure({
        exit: EXIT.failure,
        code: link === undefined ? "NoSuchShare" : "AmbiguousShare",
        what:
          link === undefined
            ? `No link made on this machine for ${tenant} has the id ${input.id}.`
            : `${matches.length} links begin with ${input.id}; give more of the id.`,
        now: "Nothing was changed.",
        tries: [{ command: "agent-sync share list", why: "shows the ids" }]
      })
    }
    const secret = authSecret(files)
    if (secret === undefined) return yield* noSecret(tenant)
    // The configured token, if there is one, may not administer.
    const token = (role: Role) => mintToken(secret, { tenant, roles: [role] }, ADMIN_SECONDS)
    yield* askHub(
      { ...found, token },
      {
        role: "admin",
        method: "POST",
        path: "revocations",
        body: { id: link.id, ...(link.exp === undefined ? {} : { until: link.exp }) }
      }
    )

    yield* kept(files, () => rememberRevoked(files, link.id))
    if (input.json) process.stdout.write(`${JSON.stringify({ schema: 1, tenant, id: link.id, revoked: true })}\n`)
    else {
      const paint = paintFor(process.stderr)
      process.stderr.write(
        `  ${paint.green("✓")} the link is ended; pages that had it open are closed\n    ${paint.dim("What was read through it before cannot be taken back.")}\n`
      )
    }
    return EXIT.ok
  })
