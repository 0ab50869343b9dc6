/** Prints the links that were made on this machine, the newest last. */
import * as Effect from "effect/Effect"
import { again } from "../../again.ts"
import { type Flags, settings } from "../../Config.ts"
import { EXIT } from "../../Failure.ts"
import { clean, cut } from "../../Terminal.ts"
import type { MadeToken } from "../../Tokens.ts"
import { linksOf, titleOf } from "./links.ts"

export interface ListInput extends Flags {
  readonly json: boolean
}

export const run = (input: ListInput) =>
  Effect.gen(function* () {
    const { files, tenant } = yield* settings(input, { env: process.env, cwd: process.cwd() })
    const links = yield* linksOf(files)
    const now = Date.now() / 1000
    const rows = links.map((link) => ({ ...link, state: stateOf(link, now) }))
    if (input.json) {
      for (const row of rows) process.stdout.write(`${JSON.stringify({ schema: 1, tenant, ...row })}\n`)
      return EXIT.ok
    }
    if (rows.length === 0) {
      process.stderr.write(
        `No link of ${tenant} was made on this machine.  Make one:  ${again("agent-sync share SESSION")}\n`
      )
      return EXIT.ok
    }
    for (const row of rows) {
      const { exp = 0, id, session = "", state } = row
      const until = new Date(exp * 1000).toISOString().slice(0, 16).replace("T", " ")
      const named = cut(clean(titleOf(row) ?? session), TITLE_CELLS)
      process.stdout.write(`${id}  ${state.padEnd(7)}  until ${until}  ${named}\n`)
    }
    return EXIT.ok
  })

const TITLE_CELLS = 60

const stateOf = ({ exp, revoked }: MadeToken, now: number) =>
  revoked === true ? "revoked" : exp !== undefined && exp <= now ? "ended" : "open"
