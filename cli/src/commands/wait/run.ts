/** Waits until a session is as asked; says which and what, and how by its exit code. It only reads. */
import * as Effect from "effect/Effect"
import type { Flags } from "../../Config.ts"
import { millisecondsOf } from "../../Duration.ts"
import { EXIT, Failure } from "../../Failure.ts"
import { globals } from "../../globals.ts"
import { reading } from "../../Reading.ts"
import { say } from "../../steps.ts"
import { cost, oneLine } from "../../Terminal.ts"
import { nameOf, type Seen, watchSessions } from "../../Watching.ts"
import { CODES, type Condition, conditionsOf, inWords, isSo } from "./Condition.ts"

/** As the `timeout` of shells has it. */
const TIMED_OUT = 124

export interface WaitInput extends Flags {
  readonly session: string | undefined
  readonly condition: string
  readonly timeout: string | undefined
  readonly json: boolean
}

export const run = (input: WaitInput) =>
  Effect.gen(function* () {
    const conditions = yield* conditionsOf(input.condition)
    const patience = input.timeout === undefined ? undefined : millisecondsOf(input.timeout)
    if (input.timeout !== undefined && patience === undefined) {
      return yield* new Failure({
        exit: EXIT.usage,
        code: "BadDuration",
        what: `${JSON.stringify(input.timeout)} is no time to wait.`,
        tries: [{ command: "agent-sync wait --timeout 10m" }]
      })
    }
    const from = yield* reading(input, "wait")
    return yield* Effect.async<number, Failure>((resume) => {
      let over = false
      const finish = (how: Effect.Effect<number, Failure>) => {
        if (over) return
        over = true
        clearTimeout(timer)
        watching.stop()
        resume(how)
      }
      const watching = watchSessions(from, {
        session: input.session,
        command: "wait",
        onFailure: (failure) => finish(Effect.fail(failure)),
        onSeen: (seen, event) => {
          const { live, view } = seen
          // Of all sessions, one that had ended before is not news.
          const old = input.session === undefined && !live && (view.state === "ended" || view.state === "failed")
          const met = old ? undefined : conditions.find((condition) => isSo(condition, view, event))
          if (met !== undefined) {
            process.stdout.write(input.json ? jsonOf(seen, met) : lineOf(seen, met))
            return finish(Effect.succeed(conditions.length === 1 ? EXIT.ok : CODES[met.what]))
          }
          if (input.session !== undefined && (view.state === "ended" || view.state === "failed")) {
            finish(
              Effect.fail(
                new Failure({
                  exit: EXIT.failure,
                  code: "Ended",
                  what: `The session has ended, and was not ${input.condition}.`
                })
              )
            )
          }
        },
        onWatching: () => {
          if (over || input.json || globals.quiet) return
          const whose = input.session === undefined ? "a session" : `session ${input.session}`
          say(`Waiting until ${whose} ${inWords(conditions)}.  Ctrl-C ends it.`)
        }
      })
      const timer =
        patience === undefined
          ? undefined
          : setTimeout(() => {
              const whose = input.session === undefined ? "No session" : "The session"
              finish(
                Effect.fail(
                  new Failure({
                    exit: TIMED_OUT,
                    code: "TimedOut",
                    what: `${whose} was ${input.session === undefined ? "" : "not "}${input.condition} within ${input.timeout}.`
                  })
                )
              )
            }, patience)
      for (const signal of ["SIGINT", "SIGTERM"] as const) {
        process.once(signal, () => finish(Effect.succeed(EXIT.interrupted)))
      }
    })
  })

/** What a person needs to know of it, in a few words. */
const detailOf = ({ view }: Seen, { what }: Condition) =>
  what === "waiting" ? view.waitingFor?.what : what === "cost" ? cost(view.figures.costUsd ?? 0) : undefined

const lineOf = (seen: Seen, condition: Condition) => {
  const { id, project } = nameOf(seen.known)
  const detail = detailOf(seen, condition) ?? seen.known.title
  return `${oneLine(`${condition.what}: ${project} ${id}${detail === undefined ? "" : `, ${detail}`}`).line}\n`
}

const jsonOf = (seen: Seen, condition: Condition) => {
  const { alias, origin, title } = seen.known
  const { figures, state, waitingFor } = seen.view
  return `${JSON.stringify({
    schema: 1,
    met: condition.what,
    session: alias ?? origin.session,
    agent: origin.agent,
    project: nameOf(seen.known).project,
    title,
    state,
    ...(waitingFor === undefined ? {} : { waitingFor: waitingFor.what }),
    ...(figures.costUsd === undefined ? {} : { costUsd: figures.costUsd })
  })}\n`
}
