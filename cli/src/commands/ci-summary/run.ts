/**
 * Prints what this machine recorded as Markdown, from its own journal: a CI job has the recorder key, which reads nothing
 * back from the hub, and needs no more.
 */
import { existsSync } from "node:fs"
import { readJournal } from "agent-sync/bun"
import type { AgentEvent } from "agent-sync/events"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { type Flags, journalFile, noKey, settings } from "../../Config.ts"
import { EXIT, Failure } from "../../Failure.ts"
import { journalOf } from "../../Recording.ts"
import { markdown } from "./markdown.ts"

const DAY_MS = 86_400_000

export const run = (input: Flags & { readonly session: string | undefined }) =>
  Effect.gen(function* () {
    const found = yield* settings(input, { env: process.env, cwd: process.cwd() })
    const { key, tenant, url } = found
    if (key === undefined) return yield* noKey(found)
    if (!existsSync(journalFile(found)))
      return yield* nothing(`Nothing was recorded on this machine for tenant ${tenant}.`)
    // The destination must be the one that was recorded for, or another writer would be asked.
    const opened = yield* Effect.promise(() => journalOf(found, key))
    if (Either.isLeft(opened)) return yield* unusable(opened.left.message)
    const reader = readJournal(opened.right)
    try {
      const all = reader.sessions()
      if (Either.isLeft(all)) return yield* unusable(all.left.message)
      const since = Date.now() - DAY_MS
      const wanted = input.session
      const chosen = all.right.filter(({ alias, origin, startedAt }) =>
        wanted === undefined ? startedAt >= since : [alias, origin.session].some((id) => id?.endsWith(wanted))
      )
      if (chosen.length === 0) {
        return yield* nothing(
          wanted === undefined
            ? "Nothing was recorded on this machine within the last day."
            : `No session ends with ${wanted}.`
        )
      }
      for (const { alias, log, origin } of chosen) {
        const events: Array<AgentEvent> = []
        const read = reader.events(log, (event) => events.push(event))
        if (Either.isLeft(read)) return yield* unusable(read.left.message)
        const id = (alias ?? origin.session).slice(-8)
        process.stdout.write(markdown(events, url === undefined ? undefined : { tenant, id }))
      }
      return EXIT.ok
    } finally {
      opened.right.close()
    }
  })

const nothing = (what: string) =>
  new Failure({
    exit: EXIT.failure,
    code: "NothingRecorded",
    what,
    tries: [{ command: "agent-sync run --wait-sync -- claude -p …", why: "records, and waits until the hub has it" }]
  })

const unusable = (what: string) => new Failure({ exit: EXIT.failure, code: "JournalUnusable", what })
