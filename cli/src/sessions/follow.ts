/**
 * Follows sessions where agents write them: told of changes by the system, reads what was added, and hands it to the
 * session's writer. Idle it does nothing but look around once a minute, for changes that were not told. What is read
 * again (a file that was replaced, a restart after a kill) adds nothing, so positions are kept in memory only.
 */
import { hostname } from "node:os"
import { dirname, join } from "node:path"
import {
  type Backlog,
  type Journal,
  liveTimers,
  makeBacklog,
  makeSessionWriter,
  type SessionFile,
  type SessionWriter
} from "agent-sync"
import type { AgentHome } from "agent-sync/agents"
import * as Either from "effect/Either"
import type { Context } from "../Context.ts"
import { isNamed } from "../files.ts"
import type { Redaction } from "../Redact.ts"
import { type FoundFile, fileAt, filesIn, isSubagent, markOf } from "./find.ts"
import { makeListener } from "./listen.ts"
import { type Head, headOf, openFile, readInto } from "./read.ts"

/** Milliseconds between two looks around for what was not told. */
const ROUND_MS = 60_000
/** Milliseconds in which changes gather before they are read: an agent writes several lines at once. */
const GATHER_MS = 10
/** Milliseconds after the last change until the index is told a session's state (house §3). */
const SETTLE_MS = 2_500
/** A session that changed so long ago is running, as far as one can tell. Milliseconds. */
const RECENT_MS = 10 * 60_000
/** Milliseconds of silence after which a file is put down; if it goes on, it is read again from its beginning. */
export const QUIET_MS = 60 * 60_000

/** Where a session is recorded, and how. */
export interface Target {
  readonly journal: Journal
  /** What is told of this machine. */
  readonly context: Context
  /** The person's own rules for secrets. */
  readonly redaction?: Redaction
}

export interface FollowOptions {
  readonly homes: ReadonlyArray<AgentHome>
  /** One for all sessions, or asked for each; without an answer it is not recorded, and asked for again when it grows. */
  readonly to: Target | ((head: Head) => Promise<Target | undefined>)
  /** Also sessions that ended before. */
  readonly past: boolean
  /** Milliseconds since 1970: what changed later goes on, however long ago that is. */
  readonly since?: number
  /** Which sessions are recorded. */
  readonly isWanted: (head: Head) => boolean
  /** A session of which something was recorded for the first time in this run. */
  readonly onSession: (head: Head, path: string) => void
  /** A sentence for the person. */
  readonly onTrouble: (what: string) => void
}

export interface Following {
  /** Resolves when all that there was at the beginning is read; answers how many past sessions were left alone. */
  readonly caughtUp: Promise<number>
  /** Looks for changes that the system did not tell; it does so itself once a minute. */
  readonly lookAround: () => Promise<void>
  readonly stop: () => void
  /** Entries that were added so far. */
  readonly events: () => number
}

interface Open {
  readonly head: Head
  readonly target: Target
  readonly reader: SessionFile
  readonly inode: number
  /** Bytes read. */
  at: number
  /** Milliseconds since 1970: when it was read last, and when it had changed then, by the disk's clock. */
  grown: number
  changed: number
}

export const follow = (options: FollowOptions): Following => {
  const { homes, to } = options
  const backlogs = new Map<Journal, Backlog>()
  const targets = new Map<string, Target>()
  /** Sessions whose target is asked for, and the files that are looked at again then. */
  const asked = new Map<string, { readonly paths: Set<string>; readonly answered: Promise<void> }>()
  const open = new Map<string, Open>()
  const writers = new Map<string, SessionWriter>()
  const shown = new Set<string>()
  const dirty = new Set<string>()
  const unwanted = new Set<string>()
  /** Files that are left alone until they change, and how they were then. */
  const settled = new Map<string, string>()
  const troubles = new Set<string>()
  let gather: ReturnType<typeof setTimeout> | undefined
  let settle: ReturnType<typeof setTimeout> | undefined
  let events = 0
  let isStopped = false

  const known = ({ journal }: Target, marks: ReadonlyArray<string>) =>
    Either.getOrElse(journal.known(journal.index, marks), () => marks.map(() => false))
  const remember = ({ journal }: Target, mark: string) =>
    backlogOf(journal).put(() => journal.mark(journal.index, [mark]))

  const backlogOf = (journal: Journal) => {
    const found = backlogs.get(journal)
    if (found !== undefined) return found
    const made = makeBacklog({ timers: liveTimers, onTrouble: (failed) => options.onTrouble(failed.message) })
    backlogs.set(journal, made)
    return made
  }

  const writerIn = ({ context, journal, redaction }: Target, agent: string, session: string) => {
    const name = `${agent}:${session}`
    const found = writers.get(name)
    if (found !== undefined) return found
    const made = makeSessionWriter({
      journal,
      backlog: backlogOf(journal),
      agent,
      session,
      about: context.host ? { host: hostname() } : {},
      git: context.git,
      wall: Date.now,
      ...(redaction === undefined ? {} : { redaction })
    })
    writers.set(name, made)
    return made
  }

  /** Undefined where it is not known yet, and asked for. */
  const targetOf = (head: Head, path: string): Target | undefined => {
    if (typeof to !== "function") return to
    const name = `${head.agent}:${head.session}`
    const found = targets.get(name)
    if (found !== undefined) return found
    const asking = asked.get(name)
    if (asking !== undefined) {
      asking.paths.add(path)
      return undefined
    }
    const paths = new Set([path])
    const answered = to(head)
      .catch((error) => void options.onTrouble(error instanceof Error ? error.message : String(error)))
      .then((target) => {
        asked.delete(name)
        if (target === undefined || isStopped) return
        targets.set(name, target)
        for (const one of [...paths].sort()) look(one)
      })
    asked.set(name, { paths, answered })
    return undefined
  }

  // Reading ----------------------------------------------------------------------------------------------------------

  /** Reads what is new in a file; never throws. */
  const look = (path: string) => {
    try {
      lookAt(path)
    } catch (error) {
      // It went away, or is not ours to read; what was read of it stays.
      open.delete(path)
      if (!isNamed(error, "ENOENT"))
        options.onTrouble(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}.`)
    }
  }

  const lookAt = (path: string) => {
    const [file] = fileAt(path)
    if (file === undefined) {
      open.delete(path)
      return
    }
    let one = open.get(path)
    const isOther = one !== undefined && (one.inode !== file.inode || file.size < one.at)
    const isRewritten = one !== undefined && isWhole(path) && one.changed !== file.changed
    if (one === undefined || isOther || isRewritten) {
      one = begin(file, one?.head)
      if (one === undefined) return
      open.set(path, one)
    }
    if (file.size <= one.at) return
    const before = one.reader.writer()?.written().added ?? 0
    one.at = readInto(path, one.reader, one.at)
    one.grown = Date.now()
    one.changed = file.changed
    if (isWhole(path)) one.reader.end()
    else one.reader.settle()
    const added = (one.reader.writer()?.written().added ?? 0) - before
    events += added
    const name = `${one.head.agent}:${one.head.session}`
    if (added > 0 && !shown.has(name)) {
      shown.add(name)
      options.onSession(one.head, path)
    }
    settleSoon()
  }

  const begin = (file: FoundFile, before: Head | undefined): Open | undefined => {
    const head = before ?? headOf(file)
    // Too little of it is there to tell; it is looked at again when it grows.
    if (head === undefined) return undefined
    if (!options.isWanted(head)) {
      unwanted.add(file.path)
      return undefined
    }
    // The session's own file tells which call a subagent belongs to.
    if (isSubagent(file.path)) for (const parent of parentsOf(file.path, head)) if (!open.has(parent)) look(parent)
    const target = targetOf(head, file.path)
    if (target === undefined) return undefined
    remember(target, followed(file.path))
    return {
      head,
      target,
      reader: openFile(
        file,
        (agent, session) => writerIn(target, agent, session),
        () => file.changed
      ),
      inode: file.inode,
      at: 0,
      grown: Date.now(),
      changed: file.changed
    }
  }

  const changed = (path: string) => {
    if (isStopped || unwanted.has(path)) return
    dirty.add(path)
    gather ??= setTimeout(() => {
      gather = undefined
      const paths = [...dirty].sort()
      dirty.clear()
      for (const one of paths) look(one)
    }, GATHER_MS)
  }

  const settleSoon = () => {
    clearTimeout(settle)
    settle = setTimeout(() => {
      for (const writer of writers.values()) writer.settle(false)
    }, SETTLE_MS)
    settle.unref()
  }

  // Looking around ---------------------------------------------------------------------------------------------------

  /** What is new, grew while nobody watched, or is open. Answers how many past sessions it left alone. */
  const round = async (first: boolean, of = homes): Promise<number> => {
    let left = 0
    for (const file of of.flatMap((home) => filesIn(home, storeTrouble))) {
      if (isStopped) break
      if (unwanted.has(file.path)) continue
      if (open.has(file.path)) {
        look(file.path)
        continue
      }
      if (settled.get(file.path) === markOf(file)) continue
      const [isRead, isFollowed] = typeof to === "function" ? [] : known(to, [markOf(file), followed(file.path)])
      const isPast = Date.now() - file.changed > RECENT_MS && file.changed < (options.since ?? Number.POSITIVE_INFINITY)
      if (isRead === true || (isFollowed !== true && isPast && !options.past)) {
        if (isRead !== true) left++
        settled.set(file.path, markOf(file))
        continue
      }
      look(file.path)
      if (first) await new Promise((resolve) => setImmediate(resolve))
    }
    while (asked.size > 0) await Promise.all([...asked.values()].map(({ answered }) => answered))
    return left
  }

  const lookAround = async () => {
    listener.listen()
    await round(false)
  }
  const tick = () => {
    void lookAround()
    for (const writer of writers.values()) writer.settle(false)
    for (const [path, one] of open) if (Date.now() - one.grown > QUIET_MS) putDown(path, one)
  }

  /** A file that was read whole is not read again until it changes. */
  const putDown = (path: string, one: Open) => {
    const [file] = fileAt(path)
    if (file !== undefined && file.size === one.at) {
      remember(one.target, markOf(file))
      settled.set(path, markOf(file))
    }
    open.delete(path)
    const { agent, session } = one.head
    if ([...open.values()].some(({ head }) => head.agent === agent && head.session === session)) return
    const name = `${agent}:${session}`
    writers.get(name)?.settle(true)
    writers.delete(name)
  }

  /** Said once: it is looked at again and again. */
  const storeTrouble = (what: string) => {
    if (!troubles.has(what)) options.onTrouble(what)
    troubles.add(what)
  }

  const listener = makeListener({
    homes,
    onFile: changed,
    onHomes: (of) => void round(false, of),
    onTrouble: options.onTrouble
  })
  listener.listen()
  const ticker = setInterval(tick, ROUND_MS)
  const caughtUp = round(true)

  return {
    caughtUp,
    lookAround,
    events: () => events,
    stop: () => {
      isStopped = true
      clearInterval(ticker)
      clearTimeout(gather)
      clearTimeout(settle)
      listener.stop()
      for (const path of dirty) look(path)
      for (const [path, one] of [...open]) putDown(path, one)
      for (const backlog of backlogs.values()) backlog.end()
    }
  }
}

/** Written whole each time it changes. */
const isWhole = (path: string) => path.endsWith(".json")

const followed = (path: string) => `followed ${path}`

const parentsOf = (path: string, { session }: Head) => [
  join(dirname(path), `${session}.jsonl`),
  join(dirname(path), "..", "..", `${session}.jsonl`)
]
