/**
 * Sends what waits in this machine's journal, and ends when the hub has acknowledged all of it. With `--again` everything
 * the journal still has counts as waiting: a hub stores what it has already only once.
 */
import type { Journal } from "agent-sync"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Flags } from "../../Config.ts"
import { millisecondsOf } from "../../Duration.ts"
import { EXIT, Failure } from "../../Failure.ts"
import { noHub } from "../../Reading.ts"
import { openRecording } from "../../Recording.ts"
import { clean, grouped, plural } from "../../Terminal.ts"
import { fit } from "../../wrap.ts"

export interface PushInput extends Flags {
  readonly again: boolean
  readonly wait: string
  readonly json: boolean
}

/** Milliseconds for which another process that sends is waited for, and how long ours may need to mark what it owes. */
const PATIENCE_MS = 20_000
const LEASE_MS = 10_000

export const run = (input: PushInput) =>
  Effect.gen(function* () {
    const patience = millisecondsOf(input.wait)
    if (patience === undefined) {
      return yield* new Failure({
        exit: EXIT.usage,
        code: "BadDuration",
        what: `${JSON.stringify(input.wait)} is no time to wait.`,
        now: "Nothing was sent.",
        tries: [{ command: "agent-sync push --wait 10m" }]
      })
    }
    const recording = yield* openRecording(input, input.again ? { before: oweAgain } : {})
    const { found, journal, remote } = recording
    if (remote === undefined || found.url === undefined) {
      recording.close()
      return yield* noHub(found)
    }
    const { host } = new URL(found.url)
    const waiting = remote.waiting()
    if (!input.json && waiting > 0) process.stderr.write(`Sending ${entries(waiting)} to ${host} …\n`)
    const gone = Either.match(journal.logs(), {
      onLeft: () => 0,
      onRight: (logs) => logs.reduce((sum, { forgot }) => sum + Math.max(0, forgot - 1), 0)
    })
    const left = yield* Effect.promise(() => recording.sync(patience))
    const status = remote.status()
    const said = recording.close()
    if (input.json) {
      const told = { schema: 1, hub: host, sent: Math.max(0, waiting - left), waiting: left, forgotten: gone }
      process.stdout.write(`${JSON.stringify(told)}\n`)
    } else {
      if (left === 0) process.stderr.write(`${waiting === 0 ? "Nothing waits" : `${host} has all of it`}.\n`)
      if (input.again && gone > 0)
        process.stderr.write(`${entries(gone)} cannot be sent again: this journal let go of them.\n`)
      for (const each of said) process.stderr.write(fit(`agent-sync: ${clean(each)}\n`, process.stderr))
    }
    if (left === 0) return EXIT.ok
    return status._tag === "Refused" ? EXIT.refused : status._tag === "Live" ? EXIT.failure : EXIT.unreachable
  })

const entries = (count: number) => plural(count, "entry", "entries").replace(String(count), grouped(count))

/** While no other process sends: what it has on its way would count as acknowledged with all before it. */
const oweAgain = async (journal: Journal, url: string): Promise<Either.Either<void, Failure>> => {
  const outbox = journal.outbox(url)
  const owner = `push ${process.pid} ${crypto.randomUUID()}`
  const deadline = Date.now() + PATIENCE_MS
  for (;;) {
    const mine = outbox.lease(owner, LEASE_MS)
    if (Either.isLeft(mine)) return Either.left(unusable(mine.left.message))
    if (mine.right) break
    if (Date.now() > deadline) {
      return Either.left(
        new Failure({
          exit: EXIT.failure,
          code: "Busy",
          what: `Another process of this machine has been sending for ${PATIENCE_MS / 1000}s.`,
          now: "Nothing was sent again.",
          tries: [{ command: "agent-sync push --again", why: "when it is done" }]
        })
      )
    }
    await Bun.sleep(200)
  }
  const owed = outbox.again()
  outbox.release(owner)
  return Either.mapBoth(owed, { onLeft: ({ message }) => unusable(message), onRight: () => undefined })
}

const unusable = (what: string) =>
  new Failure({ exit: EXIT.failure, code: "JournalUnusable", what, now: "Nothing was sent again." })
