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

export interface Reading {
  readonly found: Settings
  readonly url: string
  readonly key: ReaderKey
}

/** `command` is who asks, for examples. */
export const reading = (flags: Flags, command: string): Either.Either<Reading, Failure> =>
  Either.gen(function* () {
    const found = yield* settings(flags, { env: process.env, cwd: process.cwd() })
    const { tenant, url } = found
    if (url === undefined) {
      return yield* Either.left(
        new Failure({
          exit: EXIT.usage,
          code: "NoHub",
          what: `No hub is configured for tenant ${tenant}.`,
          now: "Sessions recorded on this machine wait in its journal.",
          tries: [
            { command: "agent-sync init --local --yes --tenant NAME", why: "a config for the hub on this machine" },
            { command: `agent-sync ${command} --url ws://…`, why: "a hub elsewhere" }
          ]
        })
      )
    }
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

/** A session as an index tells it, a hub's or the journal's own. */
type Identified = Pick<KnownSession, "origin"> & { readonly alias: string | undefined }

/** Sessions whose id, or the id their agent told later, ends so. */
export const endingWith = <S extends Identified>(wanted: string, sessions: Iterable<S>): ReadonlyArray<S> =>
  [...sessions].filter(({ alias, origin }) => [alias, origin.session].some((id) => id?.endsWith(wanted)))

type Named = Identified & Pick<KnownSession, "startedAt" | "title">

/** `command` is what the id is given to; the newest sessions that could be meant are named, the newest first. */
export const notOne = (command: string, wanted: string, matches: ReadonlyArray<Named>, all: ReadonlyArray<Named>) => {
  const newest = [...(matches.length === 0 ? all : matches)].sort((a, b) => b.startedAt - a.startedAt)
  const named = newest
    .map(({ alias, origin, title }) => ({
      id: alias ?? origin.session,
      why: title ?? origin.agentName ?? origin.agent
    }))
    .filter(({ id }) => isPlainId(id))
    .slice(0, 5)
    .map(({ id, why }): Try => ({ command: `agent-sync ${command} ${id}`, why }))
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
  now: `${why.charAt(0).toUpperCase()}${why.slice(1).replace(/\.?$/, ".")} Nothing is lost: what was recorded waits in the journals.`,
  tries: [isLoopback(url) ? { command: "agent-sync dev", why: "starts the hub on this machine" } : ASK_DOCTOR]
})

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
