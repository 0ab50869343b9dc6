/**
 * Writes recorded sessions to stdout: from the hub with the reader key, else from this machine's journal. Each event once, as
 * its latest and best source told it.
 */
import { type KnownSession, provenEntries, provenTitle, quoted } from "agent-sync"
import { connectReader, readJournal } from "agent-sync/bun"
import { type Header, makeCollector, makeSession, type Origin, SessionId } from "agent-sync/events"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { type Flags, settings } from "../../Config.ts"
import { EXIT, Failure } from "../../Failure.ts"
import { globals } from "../../globals.ts"
import { isFile, openProofFile } from "../../proofFile.ts"
import {
  away,
  endingWith,
  logsOfOne,
  notOne,
  patience,
  type Reading,
  readingOf,
  refused,
  wrongKey
} from "../../Reading.ts"
import { openRecording } from "../../Recording.ts"
import { clean, plural } from "../../Terminal.ts"
import { fit } from "../../wrap.ts"
import { told } from "../tail/notices.ts"
import { type Exported, type Format, formats, isDocument } from "./formats.ts"

export interface ExportInput extends Flags {
  readonly all: boolean
  readonly format: string
  readonly history: boolean
  /** A format that can carry it does. */
  readonly proof: boolean
  readonly session: string | undefined
}

export const run = (input: ExportInput) =>
  Effect.gen(function* () {
    const load = Object.hasOwn(formats, input.format) ? formats[input.format] : undefined
    if (load === undefined) {
      return yield* new Failure({
        exit: EXIT.usage,
        code: "UnknownFormat",
        what: `There is no format ${input.format}.`,
        now: `There is: ${Object.keys(formats).join(", ")}.`
      })
    }
    if (input.all === (input.session !== undefined)) {
      return yield* new Failure({
        exit: EXIT.usage,
        code: "NoSession",
        what: "export takes a session, or --all.",
        tries: [
          { command: "agent-sync export --all > sessions.jsonl" },
          { command: "agent-sync sessions", why: "which there are" }
        ]
      })
    }
    if (input.all && isDocument(input.format)) {
      return yield* new Failure({
        exit: EXIT.usage,
        code: "OneSession",
        what: `A file of format ${input.format} holds one session.`,
        now: "Nothing was written.",
        tries: [{ command: `agent-sync export SESSION --format ${input.format} > session.${input.format}` }]
      })
    }
    const format = yield* Effect.promise(load)
    if (input.session !== undefined && isFile(input.session)) return yield* fromFile(input, input.session, format)
    const found = yield* settings(input, { env: process.env, cwd: process.cwd() })
    if (found.url === undefined) return yield* fromJournal(input, format)
    return yield* fromHub(input, format, yield* readingOf(found, "export"))
  })

const write = (text: string) =>
  new Promise<void>((resolve) => {
    process.stdout.write(text, () => resolve())
  })

const carries = ({ format, proof }: ExportInput) => proof && format === "html"

const tellCarried = (input: ExportInput) => {
  if (!carries(input) || globals.quiet) return
  const text =
    "The file carries its proof (agent-sync verify FILE) and the key that opens it: whoever has it can read all of this session, also what is folded or replaced in it. --no-proof leaves both out.\n"
  process.stderr.write(fit(text, process.stderr))
}

/** What an exported file's proof holds, written once more. */
const fromFile = (input: ExportInput, file: string, format: Format) =>
  Effect.gen(function* () {
    const { proof, shown } = yield* yield* Effect.promise(() => openProofFile(file))
    const collector = makeCollector(input.history)
    const fold = makeSession()
    let origin: Origin = { session: SessionId.make("unknown"), agent: "unknown" }
    const entries = provenEntries(proof)
    for (const { content, writer } of entries) {
      if (content._tag === "Header") origin = originOf(content.header)
      if (content._tag !== "Event") continue
      collector.add(content.event, writer)
      fold.add(content.event, writer)
    }
    const { startedAt = 0, state } = fold.view
    const session = {
      tenant: "",
      session: shown.session,
      origin,
      title: provenTitle(entries),
      state,
      startedAt,
      events: collector.events(),
      history: input.history,
      proof: carries(input) ? proof : undefined
    }
    yield* Effect.promise(() => write(format(session)))
    return EXIT.ok
  })

const originOf = ({ _tag, time, writers: _, ...origin }: Header): Origin => origin

/** Of a session's logs: a document holds one, the one that goes on. */
const writable = <S>({ format }: ExportInput, logs: ReadonlyArray<S> | undefined): ReadonlyArray<S> | undefined => {
  if (logs === undefined || logs.length === 1 || !isDocument(format)) return logs
  const left = plural(logs.length - 1, "earlier log")
  process.stderr.write(`agent-sync: This session has ${left}, which ${format} leaves out and --format jsonl writes.\n`)
  return logs.slice(-1)
}

const fromJournal = (input: ExportInput, format: Format) =>
  Effect.gen(function* () {
    const recording = yield* openRecording(input)
    const reader = readJournal(recording.journal)
    const failed = (cause: { readonly message: string }) =>
      new Failure({ exit: EXIT.failure, code: "JournalUnusable", what: cause.message })
    const sessions = yield* Either.mapLeft(reader.sessions(), failed)
    const { session: wanted } = input
    const matches = wanted === undefined ? sessions : endingWith(wanted, sessions)
    const chosen = wanted === undefined ? sessions : writable(input, logsOfOne(matches))
    if (chosen === undefined) return yield* new Failure(notOne("export", wanted ?? "", matches, sessions))
    for (const { alias, log, origin, startedAt, state, title } of chosen) {
      const collector = makeCollector(input.history)
      yield* Either.mapLeft(
        reader.events(log, (event) => collector.add(event)),
        failed
      )
      const session: Exported = {
        tenant: recording.found.tenant,
        session: alias ?? origin.session,
        origin,
        title,
        state,
        startedAt,
        events: collector.events(),
        history: input.history,
        proof: carries(input) ? yield* Either.mapLeft(reader.sealed(log), failed) : undefined
      }
      yield* Effect.promise(() => write(format(session)))
      tellCarried(input)
    }
    recording.close()
    return EXIT.ok
  })

const fromHub = (input: ExportInput, format: Format, { found, key, url }: Reading) =>
  Effect.async<number, Failure>((resume) => {
    const { tenant } = found
    let collector = makeCollector(input.history)
    let current: KnownSession | undefined
    let isFinished = false
    let written = false
    let next: (() => void) | undefined

    const finish = (how: Effect.Effect<number, Failure>) => {
      if (isFinished) return
      isFinished = true
      waiting.stop()
      remote.stop()
      resume(how)
    }
    const fail = (failure: ConstructorParameters<typeof Failure>[0]) => finish(Effect.fail(new Failure(failure)))
    const waiting = patience(() => {
      const now = written ? "What was written to stdout is whole up to its last line." : "Nothing was written."
      fail({ ...away(url, remote.status()), now })
    })

    /** One session after the other, so that memory holds one. */
    const writeAll = async (sessions: ReadonlyArray<KnownSession>) => {
      for (const session of sessions) {
        current = session
        collector = makeCollector(input.history)
        const done = new Promise<void>((resolve) => {
          next = resolve
        })
        remote.reader.watch(session.log, "all")
        await done
        if (isFinished) return
        const { alias, log, origin, startedAt, state, title } = session
        const proof = carries(input) ? await sealedOf(log) : undefined
        if (isFinished) return
        remote.reader.unwatch(log)
        const name = alias ?? origin.session
        const { history } = input
        const events = collector.events()
        await write(format({ tenant, session: name, origin, title, state, startedAt, events, history, proof }))
        written = true
        tellCarried(input)
      }
      finish(Effect.succeed(EXIT.ok))
    }

    const sealedOf = (log: KnownSession["log"]) =>
      remote.reader.sealed(log).catch((refusal: { readonly reason?: string }) => {
        const what = `The hub does not give the sealed entries: ${refusal.reason === undefined ? "no reason told" : quoted(refusal.reason)}.`
        fail(
          new Failure({
            exit: EXIT.failure,
            code: "NoProof",
            what,
            tries: [{ command: "agent-sync export … --no-proof" }]
          })
        )
        return undefined
      })

    const choose = () => {
      const sessions = [...remote.reader.sessions()].sort((a, b) => a.startedAt - b.startedAt)
      const { session: wanted } = input
      if (wanted === undefined) return void writeAll(sessions)
      const matches = endingWith(wanted, sessions)
      const chosen = writable(input, logsOfOne(matches))
      if (chosen === undefined) return fail(notOne("export", wanted, matches, sessions))
      void writeAll(chosen)
    }

    const remote = connectReader({
      key,
      url,
      token: () => found.token("read"),
      onStatus: (status) => {
        waiting.onStatus(status)
        if (status._tag === "Refused") fail(refused(status))
      },
      events: {
        onSession: () => {},
        onIndexRead: () => {
          if (current === undefined) choose()
        },
        onEntries: (log, entries) => {
          if (log !== current?.log) return
          for (const { content, writer } of entries) {
            if (content._tag === "Event") collector.add(content.event, writer)
          }
        },
        onCaughtUp: (log) => {
          if (log === current?.log) next?.()
        },
        onNotice: (log, notice) => {
          // Without the index there is nothing to write.
          if (log === undefined && notice._tag === "Refused")
            return fail(refused({ error: notice.refusal.reason, fix: undefined }))
          process.stderr.write(`agent-sync: ${clean(`${current?.origin.session ?? tenant}: ${told(notice)}`)}\n`)
          if (notice._tag === "Refused" && log === current?.log) next?.()
        },
        onWrongKey: () => fail(wrongKey(tenant))
      }
    })
  })
