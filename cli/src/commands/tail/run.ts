/**
 * Follows a tenant in this terminal: reads the index, shows the last lines of every session that has not ended, then
 * what comes, until it is interrupted. It only reads.
 */
import type { KnownSession, Notice, ReaderKey } from "agent-sync"
import { connectReader } from "agent-sync/bun"
import type { LogId } from "agent-sync/events"
import * as Effect from "effect/Effect"
import type { Flags, Settings } from "../../Config.ts"
import { EXIT, Failure } from "../../Failure.ts"
import { terminalEnv } from "../../globals.ts"
import { away, endingWith, notOne, reading, refused, UNREACHABLE_MS, unreachable, wrongKey } from "../../Reading.ts"
import { NARROWEST, terminalOf } from "../../Terminal.ts"
import { type Filter, type FilterInput, makeFilter } from "./Filter.ts"
import { makeOutput } from "./Output.ts"
import type { Line, Printer } from "./Printer.ts"

/** Lines of each session to begin with. */
const LINES = 20
/** Milliseconds between looks at what only time changes. */
const TICK_MS = 250

export interface TailInput extends Flags, FilterInput {
  readonly session: string | undefined
  readonly lines: number | undefined
  readonly follow: boolean
  readonly untilEnd: boolean
  readonly json: boolean
  readonly plain: boolean
}

export const run = (input: TailInput) =>
  Effect.gen(function* () {
    if (input.tenant?.startsWith("-") === true) {
      return yield* new Failure({
        exit: EXIT.usage,
        code: "UnknownFlag",
        what: `tail does not know ${input.tenant}.`,
        tries: [{ command: "agent-sync tail --help" }]
      })
    }
    const { found, key, url } = yield* reading(input, "tail")
    const { tenant } = found
    if (input.lines !== undefined && input.lines < 0) {
      return yield* new Failure({ exit: EXIT.usage, code: "BadLines", what: "-n takes 0 or more lines." })
    }
    const filter = yield* makeFilter(input, Date.now())
    const printer = yield* Effect.promise(() => printerFor(input, tenant, filter))
    return yield* watch(input, found, url, key, printer, filter)
  })

const printerFor = async (input: TailInput, tenant: string, filter: Filter): Promise<Printer> => {
  if (input.json) {
    const { jsonPrinter } = await import("./Json.ts")
    return jsonPrinter(tenant, filter)
  }
  const { rowPrinter } = await import("./RowPrinter.ts")
  const { columns, isTTY } = process.stdout
  const terminal = terminalOf({ env: terminalEnv(), isTTY: isTTY === true, columns, plain: input.plain })
  process.stdout.on("resize", () => Object.assign(terminal, { columns: Math.max(NARROWEST, process.stdout.columns) }))
  return rowPrinter({ terminal, tagged: input.session === undefined, filter })
}

/** What is known of a session that is shown. */
interface Shown {
  /** Lines of its past, until all that is shown has caught up; then undefined. */
  past: Array<Line> | undefined
  ended: boolean
}

const watch = (input: TailInput, found: Settings, url: string, key: ReaderKey, printer: Printer, filter: Filter) =>
  Effect.async<number, Failure>((resume) => {
    const { tenant } = found
    const output = makeOutput(printer, () => remote.reader.behind())
    const shown = new Map<LogId, Shown>()
    let indexRead = false
    let live = false
    let answered = false
    let finished = false
    const began = performance.now()

    const finish = (how: Effect.Effect<number, Failure>) => {
      if (finished) return
      finished = true
      clearInterval(ticker)
      process.off("SIGINT", interrupted)
      process.off("SIGTERM", interrupted)
      remote.stop()
      output.close().then(() => resume(how))
    }
    const fail = (failure: ConstructorParameters<typeof Failure>[0]) => finish(Effect.fail(new Failure(failure)))
    const interrupted = () => finish(Effect.succeed(EXIT.interrupted))
    output.onClosed(() => finish(Effect.succeed(EXIT.ok)))

    /** All that there was is here: the past comes out by time, and from now on lines come as they are. */
    const goLive = () => {
      live = true
      const most = input.lines ?? (wholeFromStart ? Number.POSITIVE_INFINITY : LINES)
      const past = [...shown.values()].flatMap(({ past }) => (most === 0 ? [] : inOrder(past ?? []).slice(-most)))
      output.print(past.sort((a, b) => a.time - b.time))
      for (const [log, session] of shown) {
        session.past = undefined
        // All of it is here; that it is over need not stand in its own log.
        const state = sessionOf(log)?.state
        if (state === "ended" || state === "failed") session.ended = true
      }
      if (!input.follow) return end()
      endIfAllEnded()
    }
    const caughtUp = new Set<LogId>()

    const endIfAllEnded = () => {
      if (input.untilEnd && live && shown.size > 0 && [...shown.values()].every(({ ended }) => ended)) {
        end()
      }
    }
    /** Nothing more is asked for. */
    const end = () => {
      output.print(printer.end())
      finish(Effect.succeed(EXIT.ok))
    }

    /** `whole`: from its beginning, however long it is. */
    const show = (session: KnownSession, whole: boolean) => {
      if (shown.has(session.log)) return
      shown.set(session.log, { past: live ? undefined : [], ended: false })
      remote.reader.watch(session.log, whole ? "all" : printer.entriesFor(input.lines ?? LINES))
    }
    const wholeFromStart =
      (input.session !== undefined || input.json || filter.since !== undefined) && input.lines === undefined

    /** The index is read: decides what is shown from the start. */
    const choose = () => {
      const sessions = [...remote.reader.sessions()]
      if (input.session !== undefined) {
        const wanted = input.session
        const matches = endingWith(wanted, sessions)
        // A session may have several logs: of recorders that cannot read each other, or one behind a retired one.
        const ids = new Set(matches.map(({ origin }) => `${origin.agent}:${origin.session}`))
        if (ids.size !== 1) return fail(notOne("tail --session", wanted, matches, sessions))
        for (const match of matches) show(match, wholeFromStart)
        return
      }
      const since = filter.since
      const open = sessions.filter(
        ({ state, told }) => (state !== "ended" && state !== "failed") || (since !== undefined && told >= since)
      )
      for (const session of open) show(session, wholeFromStart)
      const newest = sessions.toSorted((a, b) => a.startedAt - b.startedAt).at(-1)
      if (sessions.length === 0) {
        if (input.untilEnd || input.json) return
        output.say(`Nothing recorded for ${tenant} yet.  Start one:  agent-sync run -- claude …`)
      } else if (open.length === 0 && newest !== undefined) {
        // Nothing runs: the last thing that did is what people come to see.
        show(newest, wholeFromStart)
      }
    }

    const remote = connectReader({
      key,
      url,
      token: () => found.token("read"),
      onStatus: (status) => {
        if (finished) return
        if (status._tag === "Live") answered = true
        if (status._tag === "Refused") return fail(refused(status))
        output.say(...printer.status(status, performance.now()).map(({ text }) => text))
        if (status._tag === "Offline" && (!answered || !input.follow) && performance.now() - began > UNREACHABLE_MS) {
          fail(unreachable(url, status.why))
        }
      },
      events: {
        onSession: (session, change) => {
          printer.known(session)
          // Those that were there before are chosen together, when the index is read.
          if (!indexRead || input.session !== undefined || session.state === "ended" || session.state === "failed")
            return
          // One that goes on after a pause may have a long past, which is not news.
          show(session, change === "started" || wholeFromStart)
        },
        onIndexRead: () => {
          if (indexRead) return
          indexRead = true
          choose()
          if (!finished) settleLive()
        },
        onEntries: (log, entries) => {
          const session = sessionOf(log)
          const state = shown.get(log)
          if (session === undefined || state === undefined) return
          for (const { content } of entries) {
            if (content._tag !== "Event") continue
            if (content.event.kind === "session_end") state.ended = true
            if (content.event.kind === "session_start") state.ended = false
          }
          give(state, printer.entries(session, entries))
          endIfAllEnded()
        },
        onCaughtUp: (log) => {
          caughtUp.add(log)
          settleLive()
        },
        onNotice: (log, notice) => noticed(log, notice),
        onWrongKey: () => fail(wrongKey(tenant))
      }
    })

    const settleLive = () => {
      if (live || !indexRead) return
      if ([...shown.keys()].every((log) => caughtUp.has(log))) goLive()
    }
    const sessionOf = (log: LogId) => remote.reader.session(log)
    const give = (state: Shown, lines: ReadonlyArray<Line>) => {
      if (state.past === undefined) output.print(lines)
      else state.past.push(...lines)
    }
    const noticed = (log: LogId | undefined, notice: Notice) => {
      const session = log === undefined ? undefined : sessionOf(log)
      const state = log === undefined ? undefined : shown.get(log)
      if (log === undefined && notice._tag === "Refused") {
        return fail(refused({ error: notice.refusal.reason, fix: undefined }))
      }
      const lines = printer.notice(session, notice)
      if (state === undefined) output.print(lines)
      else give(state, lines)
      // A log that is refused has nothing to catch up with.
      if (log !== undefined && notice._tag === "Refused") {
        if (state !== undefined) state.ended = true
        caughtUp.add(log)
        settleLive()
        endIfAllEnded()
      }
    }

    const ticker = setInterval(() => {
      if (live) output.print(printer.tick(performance.now()))
      output.redraw()
      if (!answered && performance.now() - began > UNREACHABLE_MS) {
        fail(away(url, remote.status()))
      }
    }, TICK_MS)
    process.on("SIGINT", interrupted)
    process.on("SIGTERM", interrupted)
  })

/** An agent's clock may step back; a log's order stays, so a line is never sorted before the one it follows. */
const inOrder = (lines: ReadonlyArray<Line>): ReadonlyArray<Line> => {
  let latest = 0
  return lines.map((line) => {
    latest = Math.max(latest, line.time)
    return { ...line, time: latest }
  })
}
