/**
 * Verifies sessions: reads each log whole from the hub, holds it against its writers' signatures and against what was seen
 * of it before, and says what was found. Offline it does the same with what this machine recorded. It only reads.
 */
import { existsSync } from "node:fs"
import { examineOwn, type KnownSession, ownSessions, type Seen, type SyncStatus } from "agent-sync"
import { connectVerifier, openJournal } from "agent-sync/bun"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { again } from "../../again.ts"
import { type Flags, journalFile, keyOrMake, type Settings, settings } from "../../Config.ts"
import { EXIT, Failure } from "../../Failure.ts"
import { AGAIN } from "../../lost.ts"
import { shortPath } from "../../paint.ts"
import { isFile } from "../../proofFile.ts"
import {
  away,
  endingWith,
  logsOfOne,
  notOne,
  patience,
  type Reading,
  reading,
  refused,
  wrongKey
} from "../../Reading.ts"
import { clean, isoOf } from "../../Terminal.ts"
import { nameOf } from "../../Watching.ts"
import { fileOf, remember, remembered, type SeenLogs, saved } from "./seen.ts"
import { teller, type Verdict } from "./verdict.ts"

export interface VerifyInput extends Flags {
  readonly session: string | undefined
  readonly all: boolean
  readonly checkpoint: string | undefined
  readonly offline: boolean
  readonly forget: boolean
  readonly json: boolean
}

export const run = (input: VerifyInput) =>
  Effect.gen(function* () {
    if (input.all && input.session !== undefined) {
      return yield* new Failure({
        exit: EXIT.usage,
        code: "BadUsage",
        what: "verify takes a session or --all, not both.",
        tries: [{ command: "agent-sync verify" }, { command: `agent-sync verify ${input.session}` }]
      })
    }
    const given = input.checkpoint === undefined ? undefined : yield* saved(input.checkpoint)
    const { session } = input
    if (session !== undefined && isFile(session)) {
      const { verifyFile } = yield* Effect.promise(() => import("./file.ts"))
      return yield* verifyFile({ session, json: input.json }, (log) => given?.get(log))
    }
    if (input.offline) return yield* offline(input, given)
    // A checkpoint and no hub to ask: the journal is what there is.
    if (given !== undefined) {
      const { url } = yield* settings(input, { env: process.env, cwd: process.cwd() })
      if (url === undefined) return yield* offline(input, given)
    }
    return yield* atHub(input, given)
  })

const atHub = (input: VerifyInput, given: SeenLogs | undefined) =>
  Effect.gen(function* () {
    const from = yield* reading(input, "verify")
    const { folders, tenant } = from.found
    const file = fileOf(folders.journals, tenant)
    const hubs = yield* remembered(file)
    const known = hubs[from.url] ?? {}
    const before = (log: string): Seen | undefined =>
      given === undefined ? (input.forget ? undefined : known[log]) : given.get(log)
    const verdicts = yield* ask(from, input.session, before)
    const tell = teller(input, `${tenant} at ${new URL(from.url).host}`, verdicts)
    const seen = { ...known }
    for (const { log, outcome } of verdicts) {
      // What was found wrong is found again next time, until a person says `--forget`.
      if (Either.isRight(outcome) && (outcome.right.findings.length === 0 || input.forget))
        seen[log] = outcome.right.seen
    }
    const code = tell()
    if (given === undefined) yield* remember(file, { ...hubs, [from.url]: seen })
    if (code !== EXIT.ok && !input.json && verdicts.some(isAboutThePast)) {
      process.stderr.write(
        `\nWhere the hub was set back or emptied: ${again(AGAIN)}, on the machines that recorded, sends again what it lost;\n${again("agent-sync verify")} --forget then begins anew.\n`
      )
    }
    return code
  })

const isAboutThePast = ({ outcome }: Verdict) =>
  Either.isRight(outcome) && outcome.right.findings.some(({ _tag }) => _tag === "RolledBack" || _tag === "Rewritten")

/** Reads and examines: the index first, then the sessions that were asked for. */
const ask = (
  { found, key, url }: Reading,
  session: string | undefined,
  before: (log: string) => Seen | undefined
): Effect.Effect<ReadonlyArray<Verdict>, Failure> =>
  Effect.async((resume) => {
    let over = false
    const finish = (how: Effect.Effect<ReadonlyArray<Verdict>, Failure>) => {
      if (over) return
      over = true
      waiting.stop()
      remote.stop()
      resume(how)
    }
    const fail = (failure: ConstructorParameters<typeof Failure>[0]) => finish(Effect.fail(new Failure(failure)))
    const waiting = patience(() => {
      fail(away(url, remote.status()))
    })
    const onStatus = (status: SyncStatus) => {
      waiting.onStatus(status)
      if (status._tag === "Refused") fail(refused(status))
    }
    const remote = connectVerifier({ key, url, token: () => found.token("read"), onStatus })
    const { index, verify, verifyIndexes } = remote.verifier
    const by = (writer: string) => clean(index.writers.get(writer)?.host ?? `writer ${writer.slice(0, 8)}`)

    const work = async () => {
      const indexes = await verifyIndexes(before)
      if (Either.isLeft(indexes)) {
        const { reason, what } = indexes.left
        if (reason === "wrong key") return fail(wrongKey(found.tenant))
        return fail({ exit: EXIT.failure, code: "CannotVerify", what, now: "Nothing was verified." })
      }
      const untils = new Map<string, string>()
      const verdicts = indexes.right.map(({ log, outcome, until }): Verdict => {
        if (until === undefined) return { kind: "index", log, name: "index", by, outcome }
        untils.set(log, isoOf(until) ?? "an unknown time")
        return { kind: "index", log, until: isoOf(until) ?? "an unknown time", name: "index", by, outcome }
      })
      let sessions: ReadonlyArray<KnownSession> = [...index.sessions.values()]
      if (session !== undefined) {
        const matches = endingWith(session, sessions)
        const logs = logsOfOne(matches)
        if (logs === undefined) return fail(notOne("verify", session, matches, sessions))
        sessions = logs
      }
      for (const one of sessions) {
        if (over) return
        const { alias, log, origin, title } = one
        const { id, project } = nameOf(one)
        const until = untils.get(one.index ?? "")
        verdicts.push({
          kind: "session",
          log,
          ...(one.index === undefined ? {} : { index: one.index }),
          ...(until === undefined ? {} : { until }),
          session: alias ?? origin.session,
          name: clean(`${project} ${id}`),
          ...(title === undefined ? {} : { title }),
          by,
          outcome: await verify(one, before(log))
        })
      }
      finish(Effect.succeed(verdicts))
    }
    work().catch((cause: unknown) => finish(Effect.die(cause)))
  })

/** What this machine recorded, from its own journal. */
const offline = (input: VerifyInput, given: SeenLogs | undefined) =>
  Effect.gen(function* () {
    const found: Settings = yield* settings(input, { env: process.env, cwd: process.cwd() })
    const file = journalFile(found)
    if (!existsSync(file)) {
      return yield* new Failure({
        exit: EXIT.failure,
        code: "NoJournal",
        what: `This machine has recorded nothing for tenant ${found.tenant}.`,
        tries: [{ command: "agent-sync verify", why: "asks the hub" }]
      })
    }
    const { key } = yield* keyOrMake(found)
    const journal = yield* yield* Effect.promise(() =>
      openJournal({
        file,
        keysFolder: found.files.folder,
        key,
        remotes: found.url === undefined ? [] : [found.url]
      })
    ).pipe(Effect.map(Either.mapLeft(journalFailed)))
    try {
      const own = (yield* Either.mapLeft(ownSessions(journal), journalFailed)).filter(
        ({ origin }) => input.session === undefined || origin.session.endsWith(input.session)
      )
      if (own.length === 0) {
        return yield* new Failure({
          exit: EXIT.failure,
          code: "NoSuchSession",
          what:
            input.session === undefined
              ? "This machine's journal holds no session for this hub."
              : `No session that this machine recorded ends with ${input.session}.`,
          tries: [{ command: "agent-sync verify", why: "asks the hub" }]
        })
      }
      const verdicts: Array<Verdict> = []
      for (const { log, origin } of own) {
        const { cwd, session, title } = origin
        verdicts.push({
          kind: "session",
          log,
          session,
          name: clean(`${cwd?.split("/").findLast((part) => part !== "") ?? origin.agent} ${session.slice(-4)}`),
          ...(title === undefined ? {} : { title }),
          by: () => clean(origin.host ?? "this machine"),
          outcome: Either.right(yield* Either.mapLeft(examineOwn(journal, log, given?.get(log)), journalFailed))
        })
      }
      return teller(input, `${found.tenant} in ${shortPath(file)}`, verdicts)()
    } finally {
      journal.close()
    }
  })

const journalFailed = ({ message }: { readonly message: string }) =>
  new Failure({ exit: EXIT.failure, code: "JournalFailed", what: message, now: "Nothing was verified." })
