/** Asks any hub for its promises and reports each: kept, broken, or not asked and why. What it writes it removes again where it may. */
import { liveTimers, mintToken } from "agent-sync"
import { network } from "agent-sync/bun"
import { Broken, type HubUnderTest, type Outcome, type Tested, testHub } from "agent-sync/hub"
import * as Effect from "effect/Effect"
import { variable } from "#folders"
import { type Flags, settings } from "../../Config.ts"
import { EXIT, Failure } from "../../Failure.ts"
import { authSecret } from "../../Keys.ts"
import { paintFor } from "../../paint.ts"
import { refused, unreachable } from "../../Reading.ts"
import { clean, plural } from "../../Terminal.ts"
import { wrap } from "../../wrap.ts"

const TOKEN_SECONDS = 3600

export interface HubTestInput extends Flags {
  readonly url: string
  readonly token: string | undefined
  readonly json: boolean
}

export const run = (input: HubTestInput) =>
  Effect.gen(function* () {
    const found = yield* settings(input, { env: process.env, cwd: process.cwd() })
    const { tenant } = found
    const url = found.url ?? input.url
    const given = input.token ?? variable(process.env, "AGENT_SYNC_TOKEN")
    const secret = given === undefined ? authSecret(found.files) : undefined
    const token = given ?? (yield* Effect.promise(() => found.token("read")))
    const mint =
      secret === undefined
        ? undefined
        : (rights: Parameters<NonNullable<HubUnderTest["mint"]>>[0]) =>
            mintToken(secret, { tenant, ...rights }, TOKEN_SECONDS)
    const whole = mint === undefined ? token : yield* Effect.promise(() => mint({ roles: ["read", "write"] }))
    const admin = mint === undefined ? token : yield* Effect.promise(() => mint({ roles: ["admin"] }))
    const explained = yield* Effect.promise(() => network.explain({ url, token: whole }))
    if (explained._tag === "Refused") return yield* new Failure(refused(explained))

    const teller = input.json ? jsonTeller : textTeller(`${tenant} at ${new URL(url).host}`)
    teller.begin()
    const broken = new AbortController()
    // A second one ends it at once.
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => broken.abort())
    const { signal } = broken
    const tested = yield* Effect.tryPromise({
      try: () =>
        testHub({
          network,
          timers: liveTimers,
          url,
          token: whole,
          ...(mint === undefined ? {} : { mint }),
          ...(admin === undefined ? {} : { admin }),
          signal,
          onOutcome: teller.outcome
        }),
      catch: (error) => {
        if (signal.aborted) return new Failure(interrupted)
        if (!(error instanceof Broken)) throw error
        return new Failure(unreachable(url, explained._tag === "Unreachable" ? explained.error : error.what))
      }
    })
    teller.end(tested)
    if (signal.aborted) return yield* new Failure(interrupted)
    return tested.outcomes.some(({ result }) => result === "broken") ? EXIT.failure : EXIT.ok
  })

const interrupted = {
  exit: EXIT.interrupted,
  code: "Interrupted",
  what: "It was interrupted: the other promises were not asked."
}

interface Teller {
  readonly begin: () => void
  readonly outcome: (outcome: Outcome) => void
  readonly end: (tested: Tested) => void
}

const countsOf = ({ outcomes }: Tested) => {
  const of = (result: Outcome["result"]) => outcomes.filter((outcome) => outcome.result === result).length
  return { kept: of("kept"), broken: of("broken"), notAsked: of("not asked") }
}

const jsonTeller: Teller = {
  begin: () => {},
  outcome: (outcome) => void process.stdout.write(`${JSON.stringify({ schema: 1, ...outcome })}\n`),
  end: (tested) =>
    void process.stdout.write(`${JSON.stringify({ schema: 1, ...countsOf(tested), left: tested.left })}\n`)
}

const textTeller = (where: string): Teller => {
  const paint = paintFor(process.stdout)
  const marks = { kept: paint.green("✓"), broken: paint.red("✗"), "not asked": paint.dim("–") }
  const write = (line: string) => void process.stdout.write(`${line}\n`)
  const { columns } = process.stdout
  /** Under a mark of one cell, in lines of a terminal's width; in one line where nobody looks. */
  const under = (indent: string, text: string) =>
    columns === undefined ? text : wrap(text, columns - indent.length).join(`\n${indent}`)
  return {
    begin: () => write(`The hub of ${clean(where)}\n`),
    outcome: ({ promise, result, why }) => {
      write(`${marks[result]} ${under("  ", promise)}`)
      if (why === undefined) return
      const said = under("    ", clean(why))
      write(`    ${result === "broken" ? said : paint.dim(said)}`)
    },
    end: (tested) => {
      const { broken, kept, notAsked } = countsOf(tested)
      const rest = notAsked === 0 ? "" : `, ${notAsked} not asked`
      write(`\n${plural(kept, "promise")} kept, ${broken} broken${rest}.`)
      if (tested.left.length > 0) {
        process.stderr.write(
          `${plural(tested.left.length, "scratch log")} left at the hub: removing them takes a token that may administer; --json names them.\n`
        )
      }
    }
  }
}
