/** Tells the hub to take a link's token no more. */
import { mintToken } from "agent-sync"
import * as Effect from "effect/Effect"
import { type Flags, settings } from "../../Config.ts"
import { EXIT, Failure } from "../../Failure.ts"
import { authSecret } from "../../Keys.ts"
import { paintFor } from "../../paint.ts"
import { refused, unreachable } from "../../Reading.ts"
import { type MadeToken, rememberRevoked } from "../../Tokens.ts"
import { kept, linksOf } from "./links.ts"
import { noHub, noSecret } from "./run.ts"

export interface RevokeInput extends Flags {
  /** The end of it is enough. */
  readonly id: string
  readonly json: boolean
}

/** Seconds for which the admin token that is made for this is good. */
const ADMIN_SECONDS = 60
/** Milliseconds that the hub may take. */
const ANSWER_MS = 10_000

export const run = (input: RevokeInput) =>
  Effect.gen(function* () {
    const { files, tenant, url } = yield* settings(input, { env: process.env, cwd: process.cwd() })
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
    if (url === undefined) return yield* noHub(tenant)
    const secret = authSecret(files)
    if (secret === undefined) return yield* noSecret(tenant)
    const answer = yield* Effect.tryPromise({
      try: async () => {
        const token = await mintToken(secret, { tenant, roles: ["admin"] }, ADMIN_SECONDS)
        return tell(url, token, link)
      },
      catch: () => new Failure(unreachable(url, "it does not answer"))
    })
    if (answer !== undefined) return yield* new Failure(refused(answer))

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

/** Undefined where the hub has done it. */
const tell = async (hub: string, token: string, { exp, id }: MadeToken) => {
  const answer = await fetch(`${hub.replace(/^ws/, "http")}/revocations`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ id, ...(exp === undefined ? {} : { until: exp }) }),
    signal: AbortSignal.timeout(ANSWER_MS)
  })
  if (answer.ok) return undefined
  const body: unknown = await answer.json().catch(() => undefined)
  const told = (field: string) => {
    const value: unknown = typeof body === "object" && body !== null ? Reflect.get(body, field) : undefined
    return typeof value === "string" ? value : undefined
  }
  return { error: told("error") ?? `it answers ${answer.status}`, fix: told("fix") }
}
