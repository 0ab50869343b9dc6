/**
 * What commands that read a tenant's sessions have in common: the settings they need, and what is told when the hub
 * cannot be reached, refuses, or has nothing for this key.
 */
import { type KnownSession, type ReaderKey, refusedBy, type SyncStatus } from "agent-sync"
import * as Either from "effect/Either"
import { type Flags, isLoopback, keyOrMake, type Settings, settings } from "./Config.ts"
import { EXIT, Failure, type Try } from "./Failure.ts"

/** Milliseconds without any answer after which a hub counts as unreachable. */
export const UNREACHABLE_MS = 5_000

/** Gives up once a hub has been away for so long; a hub that is there may take its time. */
export const patience = (giveUp: () => void) => {
  let timer: ReturnType<typeof setTimeout> | undefined = setTimeout(giveUp, UNREACHABLE_MS)
  const stop = () => {
    clearTimeout(timer)
    timer = undefined
  }
  return {
    stop,
    onStatus: ({ _tag }: SyncStatus) => {
      if (_tag === "Live") stop()
      else timer ??= setTimeout(giveUp, UNREACHABLE_MS)
    }
  }
}

export interface Reading {
  readonly found: Settings
  readonly url: string
  readonly key: ReaderKey
}

/** Where a folder has no hub, or the preset that was asked for has none. */
export const noHub = ({ file, preset, tenant }: Settings) =>
  new Failure({
    exit: EXIT.usage,
    code: "NoHub",
    what: `No hub is configured for tenant ${tenant}${preset === undefined ? "" : `: preset ${preset} has no url`}.`,
    now: "Nothing was asked of any hub. What was recorded here waits in the journal.",
    tries: [
      file === undefined
        ? { command: "agent-sync init --local --yes --tenant NAME", why: "a config for the hub on this machine" }
        : {
            command: `agent-sync deploy${preset === undefined ? "" : ` --env ${preset}`}`,
            why: "puts one on your Cloudflare, and its address into agent-sync.json"
          },
      { command: "--url ws://…", why: "one that runs elsewhere" }
    ]
  })

/** `command` is who asks, for examples. */
export const reading = (flags: Flags, command: string): Either.Either<Reading, Failure> =>
  Either.flatMap(settings(flags, { env: process.env, cwd: process.cwd() }), (found) => readingOf(found, command))

/** The same with settings that are read already. */
export const readingOf = (found: Settings, command: string): Either.Either<Reading, Failure> =>
  Either.gen(function* () {
    const { tenant, url } = found
    if (url === undefined) return yield* Either.left(noHub(found))
    const { key } = yield* keyOrMake(found)
    if (key.kind !== "reader") {
      return yield* Either.left(
        new Failure({
          exit: EXIT.unopened,
          code: "CannotRead",
          what: `This machine has only the recorder key of tenant ${tenant}: it can record and not read back.`,
          now: "Nothing was asked of the hub.",
          tries: [
            { command: `AGENT_SYNC_KEY=asr1… agent-sync ${command}`, why: "with the reader key, from where you watch" }
          ]
        })
      )
    }
    return { found, url, key }
  })

export const ASK_DOCTOR: Try = { command: "agent-sync doctor", why: "address, token, key and clock, one by one" }

/**
 * An id that may stand in a command for a person to run: no option, and nothing that a shell reads. An agent names its session
 * itself, and so may whoever records for the tenant.
 */
export const isPlainId = (id: string) => /^\w[\w:.-]*$/.test(id)

/** A session as far as it is looked for. */
export type Named = Pick<KnownSession, "origin" | "startedAt" | "title"> & { readonly alias: string | undefined }

const idsOf = ({ alias, origin }: Named): ReadonlyArray<string> =>
  alias === undefined ? [origin.session] : [alias, origin.session]

/** Sessions whose id, or the id their agent told later, ends so. */
export const endingWith = <S extends Named>(wanted: string, sessions: Iterable<S>): ReadonlyArray<S> =>
  [...sessions].filter((session) => idsOf(session).some((id) => id.endsWith(wanted)))

/**
 * The logs of the one session that these are, the one that goes on last: it has several where a hub removed one while it was
 * recorded, or where two record it that cannot read each other. Undefined where they are none, or more than one session.
 */
export const logsOfOne = <S extends Named>(
  matches: ReadonlyArray<S>
): readonly [S, ...ReadonlyArray<S>] | undefined => {
  const ids = new Set(matches.map(({ alias, origin }) => `${origin.agent} ${alias ?? origin.session}`))
  const [first, ...rest] = matches.toSorted((a, b) => a.startedAt - b.startedAt)
  return ids.size !== 1 || first === undefined ? undefined : [first, ...rest]
}

/** Characters of an id's end that are shown, unless others end so too. */
const ID = 8
/** The end of an id that is no other's. */
const shortest = (id: string, ids: ReadonlyArray<string>): string => {
  for (let length = ID; length < id.length; length++) {
    const end = id.slice(-length)
    if (isPlainId(end) && !ids.some((other) => other !== id && other.endsWith(end))) return end
  }
  return id
}

/** `command` is what the id is given to; the newest sessions that could be meant are named, the newest first. */
export const notOne = (command: string, wanted: string, matches: ReadonlyArray<Named>, all: ReadonlyArray<Named>) => {
  const newest = [...(matches.length === 0 ? all : matches)].sort((a, b) => b.startedAt - a.startedAt)
  const ids = [...all].flatMap(idsOf)
  const named = newest
    .map(({ alias, origin, title }) => ({
      id: alias ?? origin.session,
      why: title ?? origin.agentName ?? origin.agent
    }))
    .filter(({ id }) => isPlainId(id))
    .slice(0, 5)
    .map(({ id, why }): Try => ({ command: `agent-sync ${command} ${shortest(id, ids)}`, why }))
  return {
    exit: EXIT.failure,
    code: matches.length === 0 ? "NoSuchSession" : "AmbiguousSession",
    what:
      matches.length === 0
        ? `No session ends with ${wanted}.`
        : `${matches.length} sessions end with ${wanted}; give more of the id.`,
    tries: named
  }
}

/** What a hub said stands in quotes. What to run is ours to say: a hub could have a person run anything. */
export const refused = (by: Pick<Extract<SyncStatus, { _tag: "Refused" }>, "error" | "fix">) => ({
  exit: EXIT.refused,
  code: "Refused",
  what: refusedBy("The hub", by),
  now: "Sessions and keys are untouched.",
  tries: [ASK_DOCTOR]
})

/** `why` is a sentence, or one without its capital and full stop. The hub of this machine can be started; another one is looked into. */
export const unreachable = (url: string, why: string) => ({
  exit: EXIT.unreachable,
  code: "HubUnreachable",
  what: `The hub at ${new URL(url).host} cannot be reached.`,
  now: `${causeOf(url, why)}Nothing is lost: what was recorded waits in the journals.`,
  tries: [isLoopback(url) ? { command: "agent-sync dev", why: "starts the hub on this machine" } : ASK_DOCTOR]
})

/** That the host does not answer need not be said twice; what it said is why. */
const causeOf = (url: string, why: string) =>
  why.startsWith(`${new URL(url).host} does not answer`)
    ? ""
    : `${why.charAt(0).toUpperCase()}${why.slice(1).replace(/\.?$/, ".")} `

/** The same of a connection that did not come about in time. */
export const away = (url: string, status: SyncStatus) =>
  unreachable(url, status._tag === "Offline" ? status.why : "it does not answer")

export const wrongKey = (tenant: string) => ({
  exit: EXIT.unopened,
  code: "WrongKey",
  what: `Your key does not open tenant ${tenant}.`,
  now: "The hub has its logs, and none of them was sealed for this key.",
  tries: [{ command: "AGENT_SYNC_KEY=asr1… agent-sync tail", why: "with the tenant's own reader key" }]
})
