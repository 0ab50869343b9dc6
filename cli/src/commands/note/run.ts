/**
 * Puts a person's remark into a session's log: a session of this machine is found in its own journal, any other at the hub,
 * where the reader key is at hand. The remark is durable in the journal first; what the hub has not taken is sent later.
 */
import { readFileSync } from "node:fs"
import { userInfo } from "node:os"
import { type Journal, type KnownSession, ownSessions, refusedBy, remark } from "agent-sync"
import { connectReader } from "agent-sync/bun"
import type { LogId } from "agent-sync/events"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { type Flags, keyOrMake, type Settings, settings } from "../../Config.ts"
import { EXIT, Failure } from "../../Failure.ts"
import { away, endingWith, logsOfOne, notOne, reading, refused, UNREACHABLE_MS, wrongKey } from "../../Reading.ts"
import { connectTo, journalOf } from "../../Recording.ts"
import { clean, plural } from "../../Terminal.ts"

/** Milliseconds that the hub is given to take it. */
const DRAIN_MS = 3_000

export interface NoteInput extends Flags {
  readonly session: string
  readonly text: string
  readonly by: string | undefined
  readonly json: boolean
}

interface Place {
  readonly log: LogId
  readonly key: Uint8Array
  readonly session: string
}

export const run = (input: NoteInput) =>
  Effect.gen(function* () {
    const text = (input.text === "-" ? readFileSync(0, "utf8") : input.text).trim()
    if (text === "") return yield* new Failure({ exit: EXIT.usage, code: "NoText", what: "A note needs words." })
    const found = yield* settings(input, { env: process.env, cwd: process.cwd() })
    const { key } = yield* keyOrMake(found)
    const opened = yield* Effect.promise(() =>
      // A person's note goes where its session is, whatever stays here of what agents say.
      journalOf({ ...found, remote: { ...found.remote, sync: { chat: true, artifacts: true, audit: true } } }, key)
    )
    const journal = yield* Either.mapLeft(opened, journalFailed)
    const place = yield* ownPlace(journal, input.session).pipe(
      Either.match({
        onLeft: (failure) => Effect.fail(failure),
        onRight: (own) => (own === undefined ? placeAtHub(input) : Effect.succeed(own))
      })
    )
    const secrets = yield* Either.mapLeft(
      remark(journal, {
        log: place.log,
        key: place.key,
        text,
        by: input.by ?? userName(),
        time: Date.now(),
        redaction: found.redaction
      }),
      journalFailed
    )
    const { left, said } = yield* Effect.promise(() => sent(journal, found))
    journal.close()
    if (input.json) {
      process.stdout.write(
        `${JSON.stringify({ schema: 1, session: place.session, delivered: found.url !== undefined && left === 0, redacted: secrets })}\n`
      )
    } else {
      const where =
        found.url === undefined
          ? "in this machine's journal"
          : left === 0
            ? "at the hub"
            : "in the journal; the next run sends it"
      process.stderr.write(`Noted in ${clean(place.session.slice(-4))}, ${where}.\n`)
      if (secrets > 0) process.stderr.write(`${plural(secrets, "secret")} taken out before sealing.\n`)
    }
    for (const what of said) process.stderr.write(`agent-sync: ${clean(what)}\n`)
    return EXIT.ok
  })

const journalFailed = ({ message }: { readonly message: string }) =>
  new Failure({ exit: EXIT.failure, code: "JournalFailed", what: message, now: "Nothing was noted." })

/** A session that this machine recorded; undefined where there is none that ends so. */
const ownPlace = (journal: Journal, wanted: string): Either.Either<Place | undefined, Failure> =>
  Either.flatMap(Either.mapLeft(ownSessions(journal), journalFailed), (sessions) => {
    const matches = endingWith(wanted, sessions)
    if (matches.length === 0) return Either.right(undefined)
    const match = logsOfOne(matches)?.at(-1)
    if (match !== undefined) return Either.right({ ...match, session: match.origin.session })
    return Either.left(new Failure(notOne("note", wanted, matches, sessions)))
  })

/** Any session of the tenant, by its index. */
const placeAtHub = (input: NoteInput): Effect.Effect<Place, Failure> =>
  Effect.gen(function* () {
    const { found, key, url } = yield* reading(input, "note")
    return yield* Effect.async<Place, Failure>((resume) => {
      const finish = (how: Effect.Effect<Place, Failure>) => {
        clearTimeout(impatience)
        remote.stop()
        resume(how)
      }
      const fail = (failure: ConstructorParameters<typeof Failure>[0]) => finish(Effect.fail(new Failure(failure)))
      const remote = connectReader({
        key,
        url,
        token: () => found.token("read"),
        onStatus: (status) => {
          if (status._tag === "Refused") fail(refused(status))
        },
        events: {
          onSession: () => {},
          onIndexRead: () => {
            const sessions: ReadonlyArray<KnownSession> = [...remote.reader.sessions()]
            const matches = endingWith(input.session, sessions)
            const match = logsOfOne(matches)?.at(-1)
            if (match === undefined) {
              return fail(notOne("note", input.session, matches, sessions))
            }
            const { alias, key, log, origin } = match
            finish(Effect.succeed({ log, key, session: alias ?? origin.session }))
          },
          onEntries: () => {},
          onCaughtUp: () => {},
          onNotice: () => {},
          onWrongKey: () => fail(wrongKey(found.tenant))
        }
      })
      const impatience = setTimeout(() => {
        fail(away(url, remote.status()))
      }, UNREACHABLE_MS)
    })
  })

const sent = async (journal: Journal, found: Settings) => {
  const said: Array<string> = []
  if (found.url === undefined) return { left: 0, said }
  const remote = connectTo(found.url, found, journal, {
    onStatus: (status) => {
      if (status._tag === "Refused") said.push(refusedBy("The hub", status))
    },
    onTrouble: (what) => said.push(what)
  })
  const left = await remote.drain(DRAIN_MS)
  remote.stop()
  return { left, said }
}

const userName = () => {
  try {
    return userInfo().username
  } catch {
    return undefined
  }
}
