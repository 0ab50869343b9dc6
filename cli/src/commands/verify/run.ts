/**
 * Verifies sessions: reads each log whole from the hub, holds it against its writers' signatures and against what was seen
 * of it before, and says what was found. Offline it does the same with what this machine recorded. It only reads.
 */
import { existsSync } from "node:fs"
import {
  type CannotVerify,
  examineOwn,
  type Finding,
  type KnownSession,
  ownSessions,
  type Report,
  type Seen,
  type SyncStatus
} from "agent-sync"
import { connectVerifier, openJournal } from "agent-sync/bun"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { type Flags, journalFile, keyOrMake, type Settings, settings } from "../../Config.ts"
import { EXIT, Failure } from "../../Failure.ts"
import { paintFor, shortPath } from "../../paint.ts"
import {
  endingWith,
  notOne,
  type Reading,
  reading,
  refused,
  UNREACHABLE_MS,
  unreachable,
  wrongKey
} from "../../Reading.ts"
import { clean, cut, plural } from "../../Terminal.ts"
import { nameOf } from "../../Watching.ts"
import { fileOf, remember, remembered, type SeenLogs, saved } from "./seen.ts"
import { sentenceOf } from "./sentences.ts"

export interface VerifyInput extends Flags {
  readonly session: string | undefined
  readonly all: boolean
  readonly checkpoint: string | undefined
  readonly offline: boolean
  readonly forget: boolean
  readonly json: boolean
}

/** One log, examined or not. */
interface Verdict {
  readonly kind: "index" | "session"
  readonly log: string
  /** The index that tells of a session. */
  readonly index?: string
  /** When the keys were changed after it, where they were: ISO 8601. */
  readonly until?: string
  /** As the agent calls it; of a session. */
  readonly session?: string
  readonly name: string
  readonly title?: string
  /** Hosts of its writers, by the hex of their ids. */
  readonly by: (writer: string) => string
  readonly outcome: Either.Either<Report, Pick<CannotVerify, "reason" | "what">>
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
        `\nWhere the hub was set back or emptied on purpose: agent-sync verify --forget begins anew.\n`
      )
    }
    return code
  })

/** A time that a writer told; whatever it is. */
const isoOf = (time: number) => {
  const at = new Date(time)
  return Number.isNaN(at.getTime()) ? "an unknown time" : at.toISOString()
}

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
    let impatience: Timer | undefined
    const finish = (how: Effect.Effect<ReadonlyArray<Verdict>, Failure>) => {
      if (over) return
      over = true
      clearTimeout(impatience)
      remote.stop()
      resume(how)
    }
    const fail = (failure: ConstructorParameters<typeof Failure>[0]) => finish(Effect.fail(new Failure(failure)))
    const onStatus = (status: SyncStatus) => {
      if (status._tag === "Refused") fail(refused(status))
      if (status._tag === "Live") {
        clearTimeout(impatience)
        impatience = undefined
      } else impatience ??= setTimeout(giveUp, UNREACHABLE_MS)
    }
    const giveUp = () => {
      const status = remote.status()
      fail(unreachable(url, status._tag === "Offline" ? status.why : "it does not answer"))
    }
    const remote = connectVerifier({ key, url, token: () => found.token("read"), onStatus })
    impatience ??= setTimeout(giveUp, UNREACHABLE_MS)
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
        untils.set(log, isoOf(until))
        return { kind: "index", log, until: isoOf(until), name: "index", by, outcome }
      })
      let sessions: ReadonlyArray<KnownSession> = [...index.sessions.values()]
      if (session !== undefined) {
        const matches = endingWith(session, sessions)
        if (matches.length !== 1) return fail(notOne("verify", session, matches, sessions))
        sessions = matches
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

/** Writes the report to stdout; answers the exit code. */
const teller = (input: VerifyInput, where: string, verdicts: ReadonlyArray<Verdict>) => () => {
  const findings = (verdict: Verdict): ReadonlyArray<Finding> =>
    Either.isRight(verdict.outcome) ? verdict.outcome.right.findings : []
  const broken = verdicts.filter((verdict) => findings(verdict).length > 0).length
  const unread = verdicts.filter(({ outcome }) => Either.isLeft(outcome)).length
  const code = broken > 0 || (input.session !== undefined && unread > 0) ? EXIT.failure : EXIT.ok
  if (input.json) {
    for (const verdict of verdicts) process.stdout.write(`${JSON.stringify(objectOf(verdict))}\n`)
    return code
  }
  const paint = paintFor(process.stdout)
  const width = Math.min(32, Math.max(...verdicts.map(({ name }) => name.length)))
  const lines: Array<string> = []
  for (const verdict of verdicts) {
    const wrong = findings(verdict)
    const mark = Either.isLeft(verdict.outcome)
      ? paint.dim("–")
      : wrong.length === 0
        ? paint.green("✓")
        : paint.red("✗")
    lines.push(`${mark} ${cut(verdict.name, width).padEnd(width)}  ${summaryOf(verdict)}`)
    for (const finding of wrong) lines.push(`    ${sentenceOf(finding, verdict.by)}`)
  }
  const holds = verdicts.length - broken - unread
  const counts = [
    ...(holds > 0 ? [`${plural(holds, "log")} ${holds === 1 ? "holds" : "hold"}`] : []),
    ...(broken > 0 ? [`${broken} ${broken === 1 ? "does" : "do"} not`] : []),
    ...(unread > 0 ? [`${unread} could not be read`] : [])
  ]
  lines.push("", `${clean(where)}: ${counts.join(", ")}.`)
  process.stdout.write(`${lines.join("\n")}\n`)
  return code
}

const summaryOf = ({ by, kind, outcome, until }: Verdict) => {
  if (Either.isLeft(outcome)) return clean(outcome.left.what)
  const { entries, writers } = outcome.right
  const hosts = [...new Set(writers.map(({ writer }) => by(writer)))].join(", ")
  // Which of the tenant's keys it was recorded under, where there were several.
  const under = until === undefined ? "" : `, under the key before ${until.slice(0, 16).replace("T", " ")}`
  const count = `${plural(entries, "entry", "entries")}${hosts === "" ? "" : ` by ${hosts}`}${under}`
  if (kind === "index") return count
  const open = writers.reduce(
    (sum, { entries: theirs, forgot, signed }) => sum + Math.max(0, theirs + forgot - signed),
    0
  )
  const gone = writers.reduce((sum, { forgot }) => sum + forgot, 0)
  const kept = gone === 0 ? "" : `, ${gone} more are at the hub alone`
  return `${count}${kept}, ${open === 0 ? "signed to the end" : `the last ${open} not signed yet`}`
}

const objectOf = ({ by, index, kind, log, outcome, session, title, until }: Verdict) => ({
  schema: 1,
  kind,
  log,
  ...(index === undefined ? {} : { index }),
  ...(until === undefined ? {} : { until }),
  ...(session === undefined ? {} : { session }),
  ...(title === undefined ? {} : { title }),
  ...Either.match(outcome, {
    onLeft: ({ reason, what }) => ({ unread: { reason, what } }),
    onRight: ({ entries, findings, seen, writers }) => ({
      entries,
      ok: findings.length === 0,
      writers: writers.map((writer) => ({ ...writer, host: by(writer.writer) })),
      findings: findings.map((finding) => {
        const { _tag: found, ...rest } = finding
        return { found, ...rest, ...("why" in rest ? { why: rest.why.reason } : {}), text: sentenceOf(finding, by) }
      }),
      seen
    })
  })
})
