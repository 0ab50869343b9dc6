/** Prints the links that were made on this machine, the newest last. */
import * as Effect from "effect/Effect"
import { type Flags, settings } from "../../Config.ts"
import { EXIT } from "../../Failure.ts"
import { clean, cut } from "../../Terminal.ts"
import { readShares, type Share } from "./Shares.ts"

export interface ListInput extends Flags {
  readonly json: boolean
}

export const run = (input: ListInput) =>
  Effect.gen(function* () {
    const { files, tenant } = yield* settings(input, { env: process.env, cwd: process.cwd() })
    const shares = yield* readShares(files)
    const now = Date.now() / 1000
    const rows = shares.map((share) => ({ ...share, state: stateOf(share, now) }))
    if (input.json) {
      for (const row of rows) process.stdout.write(`${JSON.stringify({ schema: 1, tenant, ...row })}\n`)
      return EXIT.ok
    }
    if (rows.length === 0) {
      process.stderr.write(`No link of ${tenant} was made on this machine.  Make one:  agent-sync share SESSION\n`)
      return EXIT.ok
    }
    for (const { id, revoked, session, state, title, until } of rows) {
      const when = new Date((revoked ?? until) * 1000).toISOString().slice(0, 16).replace("T", " ")
      const named = clean(title ?? session)
      process.stdout.write(`${id}  ${state.padEnd(7)}  ${WORDS[state]} ${when}  ${cut(named, TITLE_CELLS)}\n`)
    }
    return EXIT.ok
  })

const TITLE_CELLS = 60
type State = "open" | "ended" | "revoked"
const WORDS: Record<State, string> = { open: "until", ended: "at   ", revoked: "at   " }

const stateOf = ({ revoked, until }: Share, now: number): State =>
  revoked !== undefined ? "revoked" : until <= now ? "ended" : "open"
