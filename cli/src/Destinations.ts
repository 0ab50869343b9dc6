/**
 * Where the sessions of a machine go, for a process that records those of many folders: each into the journal and to the hub
 * that its own folder is configured for, opened when the first one comes.
 *
 * A folder with an `agent-sync.json` is read as that file says. The `AGENT_SYNC_*` of this process are for folders without
 * one; its key and token are its own tenant's, and go to no other. What the agent's surroundings said stands above
 * both, where it is known.
 */
import { existsSync } from "node:fs"
import { adoptLeft, type Journal, refusedBy } from "agent-sync"
import { Home, type Remote } from "agent-sync/bun"
import * as Either from "effect/Either"
import type { Env } from "#folders"
import { keyOrMake, type Settings, settings } from "./Config.ts"
import { globals } from "./globals.ts"
import { connectTo, journalOf } from "./Recording.ts"

export interface Destination {
  /** The folder's own settings; journal and hub may be shared with others. */
  readonly found: Settings
  readonly journal: Journal
}

/** What is known of a session before it is recorded. */
export interface Placing {
  /** The agent's own id. */
  readonly session: string
  /** The folder that it was started in. */
  readonly folder: string
  /** `AGENT_SYNC_ENV`, `_TENANT`, `_URL` in the agent's surroundings; undefined where nobody told them. */
  readonly around?: Readonly<Record<string, string>>
}

/** Why a session is not recorded, for the person; undefined where it goes elsewhere, by what its hooks told. */
export type Unplaced = string | undefined

export interface Destinations {
  /** A session keeps the destination that it was given first. */
  readonly of: (placing: Placing) => Promise<Either.Either<Destination, Unplaced>>
  /** Opens where this process itself belongs, if there is a hub and a key for it: to send what waits there. */
  readonly own: () => Promise<void>
  /** Ends the sessions of runs that were killed since, in the journals that are open. */
  readonly adopt: () => Promise<void>
  /** Gives each hub this long to take what it is owed. */
  readonly drain: (ms: number) => Promise<void>
  readonly close: () => Promise<void>
}

interface Way {
  readonly journal: Journal
  remote: Remote | undefined
  again: ReturnType<typeof setTimeout> | undefined
}

/** Milliseconds for which this process may stand still because another writes to the journal: in a `run`, so does the agent's output. */
const WAIT_MS = 100
/** Milliseconds after which a hub that refused is asked again: a token may have been renewed, a hub deployed. */
const REFUSED_MS = 5 * 60_000

export const makeDestinations = (options: {
  readonly env: Env
  /** The folder this process works in: what it is itself configured for. */
  readonly cwd: string
  /** A sentence for the person. */
  readonly say: (what: string) => void
}): Destinations => {
  const { cwd, env, say } = options
  const ways = new Map<string, Promise<Either.Either<Way, string>>>()
  const placed = new Map<string, Destination>()
  const own = Either.getOrUndefined(settings({}, { env, cwd }))

  const settingsOf = (folder: string, around: Readonly<Record<string, string>>) => {
    const isOfFolder = globals.config === undefined && Home.nearest(folder) !== undefined
    const base = isOfFolder ? without(env, AROUND) : env
    const found = settings({}, { env: { ...base, ...around }, cwd: folder })
    const isOther = Either.isRight(found) && found.right.tenant !== own?.tenant
    return isOther ? settings({}, { env: { ...without(base, SECRETS), ...around }, cwd: folder }) : found
  }

  const openWay = async (found: Settings): Promise<Either.Either<Way, string>> => {
    const { url } = found
    const key = keyOrMake(found)
    if (Either.isLeft(key)) return Either.left(key.left.what)
    const opened = await journalOf(found, key.right.key, WAIT_MS)
    return Either.mapBoth(opened, {
      onLeft: ({ message }) => message,
      onRight: (journal) => {
        adoptLeft(journal, Date.now())
        const way: Way = { journal, remote: undefined, again: undefined }
        if (url !== undefined) connect(way, url, found)
        return way
      }
    })
  }

  const connect = (way: Way, url: string, found: Settings) => {
    way.remote = connectTo(url, found, way.journal, {
      onStatus: (status) => {
        if (status._tag !== "Refused") return
        say(refusedBy(`The hub ${new URL(url).host}`, status))
        clearTimeout(way.again)
        way.again = setTimeout(() => {
          way.remote?.stop()
          connect(way, url, found)
        }, REFUSED_MS)
        way.again.unref()
      },
      onTrouble: say
    })
  }

  const reach = async (found: Settings): Promise<Either.Either<Destination, Unplaced>> => {
    const name = nameOf(found)
    const opening = ways.get(name) ?? openWay(found)
    ways.set(name, opening)
    const way = await opening
    if (Either.isLeft(way)) ways.delete(name)
    return Either.map(way, ({ journal }) => ({ found, journal }))
  }

  const place = async ({ around, folder, session }: Placing): Promise<Either.Either<Destination, Unplaced>> => {
    // A folder that is gone may have had a file of its own.
    if (around === undefined && !existsSync(folder)) return Either.left(`The folder ${folder} is gone.`)
    const found = settingsOf(folder, around ?? {})
    if (Either.isLeft(found)) return Either.left(found.left.what)
    const to = await reach(found.right)
    const mark = `elsewhere ${session}`
    if (around === undefined) {
      const isElsewhere =
        Either.isRight(to) &&
        Either.getOrElse(to.right.journal.known(to.right.journal.index, [mark]), () => [true])[0] === true
      return isElsewhere ? Either.left(undefined) : to
    }
    // Whoever knows only the folder is told that this session does not go where the folder says.
    const usual = settingsOf(folder, {})
    if (Either.isRight(usual) && nameOf(usual.right) !== nameOf(found.right)) {
      const there = await reach(usual.right)
      if (Either.isRight(there)) there.right.journal.mark(there.right.journal.index, [mark])
    }
    return to
  }

  return {
    of: async (placing) => {
      const known = placed.get(placing.session)
      if (known !== undefined) return Either.right(known)
      const to = await place(placing)
      const first = placed.get(placing.session)
      if (first !== undefined) return Either.right(first)
      if (Either.isRight(to)) placed.set(placing.session, to.right)
      return to
    },
    own: async () => {
      if (own?.url !== undefined && own.key !== undefined) await reach(own)
    },
    adopt: async () => {
      for (const one of await Promise.all(ways.values()))
        if (Either.isRight(one)) adoptLeft(one.right.journal, Date.now())
    },
    drain: async (ms) => {
      const opened = await Promise.all(ways.values())
      await Promise.all(opened.map((one) => (Either.isRight(one) ? one.right.remote?.drain(ms) : 0)))
    },
    close: async () => {
      for (const one of await Promise.all(ways.values())) {
        if (Either.isLeft(one)) continue
        clearTimeout(one.right.again)
        one.right.remote?.stop()
        one.right.journal.close()
      }
    }
  }
}

const AROUND = ["AGENT_SYNC_ENV", "AGENT_SYNC_TENANT", "AGENT_SYNC_URL"]
const SECRETS = ["AGENT_SYNC_KEY", "AGENT_SYNC_TOKEN"]

const without = (env: Env, names: ReadonlyArray<string>): Env =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !names.includes(name)))

const nameOf = ({ tenant, url }: Settings) => `${tenant} ${url}`
