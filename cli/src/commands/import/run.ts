/**
 * Records past sessions from the files that agents keep, with their own times, into the journal, and from there to the
 * hub where one is configured. What the journal has already adds nothing, so it can be called again at any time,
 * also after a kill; a file that has not changed since is not read again.
 */
import { hostname } from "node:os"
import { resolve } from "node:path"
import { type Journal, liveTimers, makeBacklog, makeSessionWriter, type SessionWriter } from "agent-sync"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { again } from "../../again.ts"
import { type Flags, type Settings, settings } from "../../Config.ts"
import { EXIT, Failure } from "../../Failure.ts"
import { openRecording } from "../../Recording.ts"
import { type FoundFile, filesAt, filesInHomes, homesOf, isSubagent, markOf } from "../../sessions/find.ts"
import { isBelow } from "../../sessions/project.ts"
import { type Head, headOf, openFile, readInto } from "../../sessions/read.ts"
import { clean, grouped, plural } from "../../Terminal.ts"
import { fit } from "../../wrap.ts"
import { makeProgress } from "./words.ts"

/** Milliseconds that the hub has to take what was imported; the rest waits in the journal. */
const DRAIN_MS = 10_000

export interface ImportInput extends Flags {
  readonly json: boolean
  readonly all: boolean
  readonly dryRun: boolean
  readonly project: string | undefined
  readonly files: ReadonlyArray<string>
}

export const run = (input: ImportInput) =>
  Effect.gen(function* () {
    if (!input.all && input.files.length === 0) {
      return yield* new Failure({
        exit: EXIT.usage,
        code: "NothingNamed",
        what: "import was not told what to record.",
        tries: [
          { command: "agent-sync import --all --dry-run", why: "shows what the agents of this machine have" },
          { command: "agent-sync import FILE|FOLDER…" }
        ]
      })
    }
    const named = input.files.map((path) => ({ path, files: filesAt(path) }))
    const missing = named.find(({ files }) => files === undefined)
    if (missing !== undefined) {
      return yield* new Failure({
        exit: EXIT.usage,
        code: "NoSuchFile",
        what: `There is no file or folder ${missing.path}.`,
        now: "Nothing was recorded."
      })
    }
    const homes = input.all ? filesInHomes(homesOf(process.env)) : []
    const files = unique([...homes, ...named.flatMap(({ files }) => files ?? [])])
    if (input.dryRun) {
      const found = yield* settings(input, { env: process.env, cwd: process.cwd() })
      return yield* Effect.promise(() => take(input, files, undefined, found, async () => []))
    }
    const recording = yield* openRecording(input)
    return yield* Effect.promise(() =>
      take(input, files, recording.journal, recording.found, async () => {
        await recording.sync(DRAIN_MS)
        return recording.close()
      })
    )
  })

/** Files of one session, in the order they are read: the session's own first, then its subagents'. */
interface Group {
  readonly head: Head
  readonly files: Array<FoundFile>
}

interface Skipped {
  readonly path: string
  readonly reason: string
}

/** What came of it, as `--json` prints it. */
interface Summary {
  sessions: number
  /** Sessions of which nothing had been recorded. */
  unchanged: number
  events: number
  known: number
  redacted: number
  readonly skipped: Array<Skipped>
}

const take = async (
  input: ImportInput,
  files: ReadonlyArray<FoundFile>,
  journal: Journal | undefined,
  { context, redaction }: Settings,
  close: () => Promise<ReadonlyArray<string>>
): Promise<number> => {
  const summary: Summary = { sessions: 0, unchanged: 0, events: 0, known: 0, redacted: 0, skipped: [] }
  const rules = new Map<string, number>()
  let trouble: string | undefined
  const backlog = makeBacklog({ timers: liveTimers, onTrouble: (failed) => (trouble = failed.message) })
  const progress = await makeProgress(
    input.json,
    files.reduce((sum, { size }) => sum + size, 0)
  )
  const groups = groupsOf(files, input.project, summary)

  for (const { files: own, head } of groups) {
    const bytes = own.reduce((sum, { size }) => sum + size, 0)
    const marks = own.map(markOf)
    const isRead =
      journal !== undefined && Either.getOrElse(journal.known(journal.index, marks), () => [false]).every((one) => one)
    if (isRead) {
      summary.unchanged++
      progress.advance(bytes)
      continue
    }
    const writers = new Map<string, SessionWriter>()
    const writerOf = (agent: string, session: string) => {
      const name = `${agent}:${session}`
      const found = writers.get(name)
      if (found !== undefined) return found
      const made = makeSessionWriter({
        journal,
        backlog,
        agent,
        session,
        about: context.host ? { host: hostname() } : {},
        git: context.git,
        wall: Date.now,
        redaction
      })
      writers.set(name, made)
      return made
    }
    for (const file of own) {
      try {
        const reader = openFile(file, writerOf, () => file.changed)
        readInto(file.path, reader)
        reader.end()
        if (reader.unfinished() > 0) summary.skipped.push({ path: file.path, reason: "its last line is not whole" })
      } catch (error) {
        summary.skipped.push({ path: file.path, reason: error instanceof Error ? error.message : String(error) })
      }
      progress.advance(file.size, head.session)
      // The hub's connection gets its turn.
      await new Promise((resolve) => setImmediate(resolve))
    }
    for (const writer of writers.values()) {
      writer.settle(true)
      const { added, known, redacted } = writer.written()
      if (added > 0) summary.sessions++
      else summary.unchanged++
      summary.events += added
      summary.known += known
      for (const [rule, count] of redacted) rules.set(rule, (rules.get(rule) ?? 0) + count)
    }
    if (journal !== undefined && trouble === undefined) backlog.put(() => journal.mark(journal.index, marks))
  }
  backlog.end()
  const lost = backlog.lost()
  progress.end()
  summary.redacted = [...rules.values()].reduce((sum, count) => sum + count, 0)
  const left = await close()
  const said = [
    ...left,
    ...(lost === 0
      ? []
      : [`${plural(lost, "event")} could not be recorded. ${trouble ?? ""} Import again: nothing is recorded twice.`])
  ]
  if (input.json)
    process.stdout.write(
      `${JSON.stringify({ schema: 1, dryRun: input.dryRun, ...summary, rules: Object.fromEntries(rules), lost })}\n`
    )
  else report(input, summary, rules)
  for (const text of said) process.stderr.write(fit(`agent-sync: ${clean(text)}\n`, process.stderr))
  return lost > 0 ? EXIT.failure : EXIT.ok
}

const report = (input: ImportInput, summary: Summary, rules: ReadonlyMap<string, number>) => {
  const { events, known, redacted, sessions, skipped, unchanged } = summary
  const verb = input.dryRun ? "would record" : "recorded"
  const rows = [
    `${verb} ${plural(events, "event")} of ${plural(sessions, "session")}${known > 0 ? `; ${grouped(known)} were there already` : ""}`,
    ...(unchanged > 0 ? [`${plural(unchanged, "session")} had nothing new`] : []),
    ...(redacted > 0
      ? [`${plural(redacted, "secret")} taken out: ${[...rules].map(([rule, count]) => `${rule} ${count}`).join(", ")}`]
      : [])
  ]
  for (const reason of new Set(skipped.map((one) => one.reason))) {
    const of = skipped.filter((one) => one.reason === reason)
    const names = of.slice(0, 3).map(({ path }) => path)
    const more = of.length > 3 ? `, and ${of.length - 3} more` : ""
    rows.push(`skipped ${plural(of.length, "file")}: ${reason} (${names.join(", ")}${more})`)
  }
  process.stderr.write(fit(`${rows.map((row) => clean(row)).join("\n")}\n`, process.stderr))
  if (events > 0 && !input.dryRun) process.stderr.write(`Read them: ${again("agent-sync tail")}\n`)
}

/** Oldest first. */
const groupsOf = (
  files: ReadonlyArray<FoundFile>,
  project: string | undefined,
  summary: Summary
): ReadonlyArray<Group> => {
  const groups = new Map<string, Group>()
  const folder = project === undefined ? undefined : resolve(project)
  for (const file of inReadingOrder(files)) {
    let head: Head | undefined
    try {
      head = headOf(file)
    } catch (error) {
      summary.skipped.push({ path: file.path, reason: error instanceof Error ? error.message : String(error) })
      continue
    }
    if (head === undefined) {
      summary.skipped.push({ path: file.path, reason: "it holds no session that we can read" })
      continue
    }
    const name = `${head.agent}:${head.session}`
    const known = groups.get(name)
    if (known !== undefined) known.files.push(file)
    else if (folder === undefined || isBelow(head.cwd, folder)) groups.set(name, { head, files: [file] })
  }
  return [...groups.values()].sort((a, b) => a.files[0]!.changed - b.files[0]!.changed)
}

/** A subagent's file after its session's: that one tells which call it belongs to. */
const inReadingOrder = (files: ReadonlyArray<FoundFile>) => {
  const isPart = (file: FoundFile) => Number(file.isPart === true || isSubagent(file.path))
  return files.toSorted((a, b) => isPart(a) - isPart(b) || a.path.localeCompare(b.path))
}

const unique = (files: ReadonlyArray<FoundFile>) => [...new Map(files.map((file) => [file.path, file])).values()]
