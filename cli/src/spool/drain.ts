/**
 * Records what hooks have left in the spool: each record goes to its session's Recorder, in the journal and to the hub that
 * the session's own folder is configured for, and is deleted once it is in the journal. One process of a machine drains
 * at a time; others wait to take over. A record that was journaled by a process that died before it could delete it is
 * journaled again under the same event keys, which readers take for the same events.
 */
import { type FSWatcher, watch } from "node:fs"
import { liveTimers, makeRecorder, type Recorder } from "agent-sync"
import { claudeHook } from "agent-sync/agents"
import * as Either from "effect/Either"
import { type Env, foldersOf } from "#folders"
import { aboutFolder } from "../Context.ts"
import { type Destinations, makeDestinations, type Unplaced } from "../Destinations.ts"
import * as Spool from "./Spool.ts"

/** Milliseconds between looks that nothing woke: a file system may lose a notice, another drainer may be gone. */
const LOOK_MS = 5_000
/** Milliseconds without a word after which a session's recorder is let go. */
const SILENT_MS = 30 * 60_000
/** Milliseconds after which a record that could not be recorded is tried again. */
const AGAIN_MS = 30_000
/** How often the spool is looked at again at the end, where hooks go on. */
const STOP_ROUNDS = 3
/** Milliseconds that the hub is given to take what it is owed, at the end. */
const DRAIN_MS = 3_000

export interface Drain {
  /** Milliseconds since 1970 when a record was taken last, or when it began. */
  readonly lastAt: () => number
  /** Whether it is this process that drains. */
  readonly active: () => boolean
  /** Resolves when what lies in the spool now is recorded, or is left to another process. */
  readonly caughtUp: () => Promise<void>
  /** Takes what waits, tells the index what is due, gives the hub a moment, lets the spool go. */
  readonly stop: () => Promise<void>
}

interface Open {
  readonly recorder: Recorder
  /** Delete the records whose events are not in the journal yet: a full disk, or another process that writes for long. */
  held: Array<() => void>
  lastAt: number
}

/** A drain with destinations of its own. */
export const drainHere = (env: Env, say: (what: string) => void): Drain => {
  const destinations = makeDestinations({ env, cwd: process.cwd(), say })
  const drain = drainSpool({ env, destinations, say })
  return {
    ...drain,
    stop: async () => {
      await drain.stop()
      await destinations.close()
    }
  }
}

export const drainSpool = (options: {
  readonly env: Env
  /** Where sessions go; whoever made it closes it. */
  readonly destinations: Destinations
  /** A sentence for the person. */
  readonly say: (what: string) => void
}): Drain => {
  const { destinations, env } = options
  const folders = foldersOf(env)
  const sessions = new Map<string, Open>()
  /** Records that could not be recorded, and when they are tried again. */
  const later = new Map<string, number>()
  const said = new Set<string>()
  const encoder = new TextEncoder()
  let active = false
  let stopped = false
  let lastAt = Date.now()
  let turn: Promise<void> | undefined
  let again = false

  const say = (what: string) => {
    if (said.has(what)) return
    said.add(what)
    options.say(what)
  }

  /** The recorder of a session, with the settings of the folder it runs in as they are when it is first heard of. */
  const recorderFor = async (
    session: string,
    cwd: string,
    around: Readonly<Record<string, string>>
  ): Promise<Either.Either<Open, Unplaced>> => {
    const known = sessions.get(session)
    if (known !== undefined) return Either.right(known)
    const placed = await destinations.of({ session, folder: cwd, around })
    if (Either.isLeft(placed)) return Either.left(placed.left)
    const {
      found: { context, redaction },
      journal
    } = placed.right
    const recorder = makeRecorder({
      journal,
      run: crypto.randomUUID(),
      about: aboutFolder(cwd, context),
      redaction,
      command: [],
      adapter: claudeHook,
      partial: true,
      timers: liveTimers,
      wall: Date.now,
      onTrouble: (failed) => say(failed.message)
    })
    const open: Open = { recorder, held: [], lastAt: Date.now() }
    sessions.set(session, open)
    return Either.right(open)
  }

  const release = ({ held, recorder }: Open) => {
    if (recorder.recorded().waiting > 0) return
    for (const done of held.splice(0)) done()
  }
  const letGo = (session: string) => {
    const open = sessions.get(session)
    if (open === undefined) return
    open.recorder.end()
    // What could not be written at the end stays in the spool, and is found there by who drains next.
    if (open.recorder.recorded().lost === 0) release(open)
    sessions.delete(session)
  }

  const record = async (name: string) => {
    const found = Spool.take(folders, name)
    if (found._tag === "Gone") return
    if (found._tag === "Unreadable") return say(`A hook's record could not be opened and lies in ${found.file}.`)
    const hook = inputOf(found.record.hook)
    // What is no hook's input has nothing to say.
    if (hook === undefined) return found.done()
    const opened = await recorderFor(hook.session, found.record.folder ?? hook.cwd, found.record.env)
    if (Either.isLeft(opened)) {
      say(`Hooks of sessions in ${hook.cwd} wait in the spool. ${opened.left ?? ""}`)
      later.set(name, Date.now() + AGAIN_MS)
      return found.putBack()
    }
    const at = Math.floor(found.record.at)
    opened.right.recorder.push(encoder.encode(`${JSON.stringify({ at, hook: hook.input })}\n`))
    opened.right.lastAt = Date.now()
    opened.right.held.push(found.done)
    release(opened.right)
    lastAt = Date.now()
    if (hook.event === "SessionEnd") letGo(hook.session)
  }

  const work = async () => {
    do {
      again = false
      if (!active) active = Spool.becomeDrainer(folders)
      if (!active) return
      Spool.recover(folders)
      for (const name of Spool.waiting(folders)) {
        if ((later.get(name) ?? 0) > Date.now()) continue
        later.delete(name)
        await record(name)
      }
    } while (again)
  }
  /** The disk, or its folder: what is in the spool stays there, and whoever records an agent beside it goes on. */
  const unusable = (error: unknown) => {
    const why = error instanceof Error ? error.message : String(error)
    say(`The hooks' spool ${folders.spool} cannot be used: ${why}. What hooks left there is recorded once it can.`)
  }
  const look = () => {
    if (stopped) return
    again = true
    turn ??= work()
      .catch(unusable)
      .finally(() => {
        turn = undefined
      })
  }
  /** Undefined where the system does not tell: the timer has to do. */
  const listen = (): FSWatcher | undefined => {
    try {
      Spool.prepare(folders)
      const watcher = watch(folders.spool, (_, name) => {
        if (name === null || name.endsWith(".rec") || !active) look()
      })
      watcher.on("error", () => watcher.close())
      return watcher
    } catch (error) {
      unusable(error)
      return undefined
    }
  }

  const watcher = listen()
  const timer = setInterval(() => {
    if (active && !Spool.stayDrainer(folders)) active = false
    for (const open of sessions.values()) release(open)
    for (const [session, open] of sessions) if (Date.now() - open.lastAt > SILENT_MS) letGo(session)
    look()
  }, LOOK_MS)
  look()

  return {
    lastAt: () => lastAt,
    active: () => active,
    caughtUp: async () => {
      look()
      await turn
    },
    stop: async () => {
      watcher?.close()
      clearInterval(timer)
      for (let round = 0; round < STOP_ROUNDS; round++) {
        look()
        await turn
        for (const session of sessions.keys()) letGo(session)
        await destinations.drain(DRAIN_MS)
        if (!active) break
        // A hook that was called just now saw that we drain, and left it to us: that is known once we do not any more.
        active = false
        Spool.leaveDrainer(folders)
        if (Spool.waiting(folders).every((name) => later.has(name))) break
      }
      stopped = true
    }
  }
}

/** The fields that say where a hook's input belongs. */
const inputOf = (text: string) => {
  try {
    const input = JSON.parse(text) as Readonly<Record<string, unknown>> | null
    const { cwd, hook_event_name: event, session_id: session } = input ?? {}
    if (typeof session !== "string" || session === "") return undefined
    return { input, session, event, cwd: typeof cwd === "string" && cwd.startsWith("/") ? cwd : "/" }
  } catch {
    return undefined
  }
}
