/**
 * Tells a person when a session comes to wait for them, ends or fails. It runs where the reader key is, because the hub
 * cannot know. Each notice is reported: delivered, or not and why.
 */
import * as Effect from "effect/Effect"
import type { Flags } from "../../Config.ts"
import { EXIT, Failure } from "../../Failure.ts"
import { reading } from "../../Reading.ts"
import { say } from "../../steps.ts"
import { clean, oneLine } from "../../Terminal.ts"
import { nameOf, type Seen, watchSessions } from "../../Watching.ts"
import { type Condition, conditionsOf, inWords, isSo } from "../wait/Condition.ts"
import { type Channel, desktop, headline, isAddress, type Notice, ntfy, topicOf, webhook } from "./channels.ts"

/** Milliseconds that a state must last before anybody is told: many questions are answered by a program at once. */
const LASTS_MS = 1_000

export interface NotifyInput extends Flags {
  readonly desktop: boolean
  readonly webhook: string | undefined
  readonly ntfy: string | undefined
  readonly condition: string
  readonly session: string | undefined
  readonly brief: boolean
  readonly json: boolean
}

export const run = (input: NotifyInput) =>
  Effect.gen(function* () {
    const conditions = yield* conditionsOf(input.condition)
    const { ntfy: at, webhook: hook } = input
    const topic = at === undefined ? undefined : topicOf(at)
    if (hook !== undefined && !isAddress(hook)) return yield* badUrl("--webhook takes an http or https address.")
    if (at !== undefined && topic === undefined) {
      return yield* badUrl("--ntfy takes an http or https address that ends in a topic: letters, digits, - and _.")
    }
    const channels: ReadonlyArray<Channel> = [
      ...(hook === undefined ? [] : [webhook(hook, process.env)]),
      ...(topic === undefined ? [] : [ntfy(topic, process.env)]),
      ...(input.desktop || (hook === undefined && topic === undefined) ? [desktop(process.platform)] : [])
    ]
    const from = yield* reading(input, "notify")
    return yield* Effect.async<number, Failure>((resume) => {
      const sent = makeSent()
      const running = new Set<Promise<void>>()

      const deliver = async (notice: Notice) => {
        for (const channel of channels) {
          const delivery = await channel.send(notice)
          report(input.json, channel.name, notice, delivery.ok ? undefined : delivery.why)
        }
      }
      const tell = (seen: Seen, condition: Condition, text: string | undefined) => {
        const work = deliver(noticeOf(seen, condition, from.found.tenant, input.brief ? undefined : text, input.brief))
        running.add(work)
        void work.finally(() => running.delete(work))
      }

      const watching = watchSessions(from, {
        session: input.session,
        command: "notify --session",
        onAway: (host) => say(`The hub at ${host} does not answer; asking again until it does.  Ctrl-C ends it.`),
        onFailure: (failure) => {
          sent.stop()
          resume(Effect.fail(failure))
        },
        onSeen: (seen, event) => {
          const { log } = seen.known
          // What had ended before is not news; what waits since before still waits.
          const past = !seen.live && (seen.view.state === "ended" || seen.view.state === "failed")
          for (const condition of conditions) {
            const so = !past && isSo(condition, seen.view, event)
            const text =
              condition.what === "error" && event?.kind === "error" ? event.data.message : seen.view.waitingFor?.what
            // An error is a moment, the rest are states.
            if (condition.what === "error") {
              if (so && sent.once(`${log} error ${event?.key ?? seen.view.state}`)) tell(seen, condition, text)
            } else sent.state(`${log} ${condition.what}`, so, () => tell(seen, condition, text))
          }
        },
        onWatching: () => {
          if (input.json) return
          const names = channels.map(({ name }) => NAMES[name] ?? name).join(" and ")
          const whose = input.session === undefined ? `a session of ${from.found.tenant}` : `session ${input.session}`
          say(`Telling ${names} when ${whose} ${inWords(conditions)}.  Ctrl-C ends it.`)
        }
      })
      const stop = () => {
        watching.stop()
        sent.stop()
        void Promise.all(running).then(() => resume(Effect.succeed(EXIT.interrupted)))
      }
      for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stop)
    })
  })

const badUrl = (what: string) =>
  new Failure({
    exit: EXIT.usage,
    code: "BadUrl",
    what,
    now: "Nobody is told of anything.",
    tries: [{ command: "agent-sync notify --ntfy https://ntfy.sh/TOPIC" }]
  })

const NAMES: Readonly<Record<string, string>> = { desktop: "this desktop", webhook: "the webhook" }

/** Each state is told once while it lasts, and only when it has lasted. */
const makeSent = () => {
  const standing = new Map<string, ReturnType<typeof setTimeout> | "told">()
  const moments = new Set<string>()
  return {
    state: (name: string, so: boolean, tell: () => void) => {
      const known = standing.get(name)
      if (!so) {
        if (known !== undefined && known !== "told") clearTimeout(known)
        standing.delete(name)
      } else if (known === undefined) {
        standing.set(
          name,
          setTimeout(() => {
            standing.set(name, "told")
            tell()
          }, LASTS_MS)
        )
      }
    },
    once: (name: string) => {
      if (moments.has(name)) return false
      moments.add(name)
      return true
    },
    stop: () => {
      for (const timer of standing.values()) if (timer !== "told") clearTimeout(timer)
    }
  }
}

const noticeOf = (
  { known, view }: Seen,
  { what }: Condition,
  tenant: string,
  text: string | undefined,
  brief: boolean
): Notice => ({
  what,
  tenant,
  session: known.alias ?? known.origin.session,
  agent: known.origin.agentName ?? known.origin.agent,
  project: nameOf(known).project,
  host: known.origin.host,
  title: brief ? undefined : (known.title ?? view.title),
  text,
  at: Date.now()
})

/** `why` it was not delivered. */
const report = (json: boolean, channel: string, notice: Notice, why: string | undefined) => {
  if (json) {
    const { session, what } = notice
    const at = new Date(notice.at).toISOString()
    process.stdout.write(
      `${JSON.stringify({ schema: 1, channel, delivered: why === undefined, what, session, at, ...(why === undefined ? {} : { why }) })}\n`
    )
  } else {
    const text = `${headline(notice)}${notice.text === undefined ? "" : `, ${notice.text}`}`
    const how = why === undefined ? `${channel}: delivered` : `${channel}: NOT delivered, ${clean(why)}`
    process.stdout.write(`${oneLine(text).line}  (${how})\n`)
  }
}
