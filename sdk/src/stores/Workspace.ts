/**
 * Opens what a program stands on, once: its key, its journal, its replica, its connections. Every `layer…WithRemoteSync`
 * and `layerJournaled…` is this with another choice of what is handed out. It is built without waiting for a hub.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { makeRedactor } from "../agents/Redaction.ts"
import { both, type Redaction } from "../agents/RedactSection.ts"
import {
  indexLog,
  makeReaderKey,
  parse,
  type ReaderKey,
  type RecorderKey,
  type UnreadableKey
} from "../crypto/TenantKey.ts"
import { makeWriter } from "../crypto/WriterKey.ts"
import { type Journal, JournalFailed } from "../journal/Journal.ts"
import * as MemoryJournal from "../journal/MemoryJournal.ts"
import { markKeyOf } from "../journal/markKey.ts"
import { routed } from "../journal/routed.ts"
import { Compaction } from "../sync/Compaction.ts"
import { ConflictPolicy } from "../sync/ConflictPolicy.ts"
import { type JournalPlace, Platform, type PlatformApi } from "../sync/Platform.ts"
import { PlatformFailed } from "../sync/PlatformFailed.ts"
import {
  type BadSyncConfig,
  decode,
  hubUrl,
  isLoopback,
  type SyncConfig,
  type SyncOptions,
  staying
} from "../sync/SyncConfig.ts"
import { make as makeSync, SyncService } from "../sync/SyncService.ts"
import { introduce, sealingOf } from "../sync/sealing.ts"
import { makeReplica, Replica } from "./Replica.ts"
import { StorageConfig } from "./StorageConfig.ts"
import { PROGRAM } from "./Unit.ts"

/** What a program opens; see `SyncOptions` for the hub. */
export interface ProgramOptions extends SyncOptions {
  /** Further hubs beside `url`; each gets everything. */
  readonly remotes?: ReadonlyArray<{
    readonly url: string
    readonly token?: string
    readonly provider?: "bun" | "cloudflare"
  }>
  /** Programs with the same scope share their stores; `main` where it is not given. At most 200 characters. */
  readonly scope?: string
  /** What people read in `tail` and the viewer; the scope where it is not given. */
  readonly name?: string
  /**
   * What the stores hold in memory: `tenant`, every session there is (the default), or `program`, only what programs of this scope
   * write; agents that such a program runs are recorded all the same.
   */
  readonly follow?: "tenant" | "program"
  /** Rules for secrets beside our own and those of the nearest `agent-sync.json`; what either allows or switches off is. */
  readonly redaction?: Redaction
}

/** Why nothing was opened: the settings, the machine, the key, or the journal. Each message says what to do. */
export type OpenFailed = BadSyncConfig | PlatformFailed | UnreadableKey | JournalFailed

/** What a program has opened. */
export interface Opened {
  readonly config: SyncConfig
  readonly key: ReaderKey | RecorderKey
  /** What recorders are to take out beside what they know. */
  readonly redaction: Redaction
  /** What recorders write to; `Replica` sees it at once. */
  readonly journal: Journal
}

/** What a program opened once, for all that stands on it. */
export class Workspace extends Context.Tag("agent-sync/Workspace")<Workspace, Opened>() {}

/** All of it: what this opens, the replica, and the connections. Closing ends by itself, also with a dead hub. */
export const layer = (options: ProgramOptions = {}): Layer.Layer<Workspace | Replica | SyncService, OpenFailed> =>
  Layer.scopedContext(open(options))

/** Milliseconds that closing waits for a live hub to acknowledge what it is owed. */
const DRAIN_MS = 2_000

const open = (
  options: ProgramOptions
): Effect.Effect<Context.Context<Workspace | Replica | SyncService>, OpenFailed, Scope.Scope> =>
  Effect.gen(function* () {
    const { follow = "tenant", name, redaction: own = {}, remotes: more = [], scope = "main", ...rest } = options
    const platform = yield* Platform
    const policy = yield* ConflictPolicy
    const compaction = yield* Compaction
    const storage = yield* StorageConfig
    const config = yield* decode(rest)
    const redaction = both(own, yield* platform.redaction())
    const key = yield* keyOf(platform, config, storage.kind === "memory")

    const further = yield* Effect.forEach(more, ({ url, ...rest }) =>
      Effect.map(hubUrl(url, config.tenant), (address) => ({ ...rest, url: address }))
    )
    const { provider, token: given, url } = config
    const remotes = !config.enabled ? [] : [...(url === undefined ? [] : [{ url, provider, token: given }]), ...further]
    const addresses = remotes.map(({ url }) => url)

    const journalOf = (to: JournalPlace["remotes"]) =>
      Effect.acquireRelease(
        Effect.flatten(
          Effect.promise(() =>
            storage.kind === "memory"
              ? inMemory(platform, key, to)
              : platform.openJournal({ tenant: config.tenant, key, remotes: to, file: storage.file })
          )
        ),
        (journal) => Effect.sync(journal.close)
      )
    const synced = yield* journalOf(addresses)
    const stays = staying(config.sync)
    const local = stays === undefined ? undefined : yield* journalOf("never")
    const journal = stays === undefined || local === undefined ? synced : routed(synced, local, stays)

    const journals = local === undefined ? [synced] : [synced, local]
    const troubles = journals.some(({ fresh }) => fresh === "keys lost")
      ? [
          "The keys of this journal's writer are gone: a new one goes on, and what is in the journal alone cannot be read."
        ]
      : []
    let report = (what: string): void => {
      troubles.push(what)
    }
    const replica = yield* Effect.acquireRelease(
      Effect.sync(() =>
        makeReplica({
          scope,
          name: name ?? scope,
          host: platform.host,
          aead: platform.aead,
          policy,
          redactor: makeRedactor({ ...redaction, ...markKeyOf(journal) }),
          journal,
          journals,
          earlier: journals.flatMap(({ earlier = [] }) => earlier),
          everything: follow === "tenant",
          onTrouble: (what) => report(what)
        })
      ),
      ({ stop }) => Effect.sync(stop)
    )
    const token = async () =>
      config.token ?? (await platform.token(config.tenant, key.kind === "reader" ? ["read", "write"] : ["write"]))
    const sync = yield* makeSync({
      tenant: config.tenant,
      key,
      aead: platform.aead,
      journal: synced,
      remotes: addresses,
      token,
      follows: ({ origin }) => follow === "tenant" || (origin.agent === PROGRAM && origin.session === scope),
      onSession: ({ alias, origin }) => {
        if (alias !== undefined) replica.rename(origin, alias)
      },
      onEntries: ({ origin }, entries) => {
        for (const entry of entries) replica.receive(origin, entry)
      },
      // Not inside of the hub's answer: it writes.
      onRefused: () => queueMicrotask(replica.goOn),
      syncInterval: config.syncInterval,
      offline: storage.kind === "file" && storage.offline
    })
    report = sync.trouble
    for (const what of troubles) sync.trouble(what)

    for (const remote of remotes) {
      yield* sync.connect({
        url: remote.url,
        network: platform.network,
        provider: remote.provider ?? provider,
        ...(remote.token === undefined ? {} : { token: remote.token }),
        ...(config.disablePing === undefined ? {} : { disablePing: config.disablePing })
      })
    }
    yield* compaction.keep({
      journal: synced,
      aead: platform.aead,
      network: platform.network,
      remotes: addresses,
      token: async () => config.token ?? (await platform.token(config.tenant, ["admin", "read"])),
      onTrouble: sync.trouble
    })
    // A hub that is there gets the rest; one that is not keeps nobody waiting.
    yield* Effect.addFinalizer(() =>
      Effect.flatMap(sync.status, ({ connected }) =>
        connected ? Effect.asVoid(Effect.timeoutOption(sync.syncNow, Duration.millis(DRAIN_MS))) : Effect.void
      )
    )
    return Context.make(Workspace, { config, key, redaction, journal: replica.journal ?? journal }).pipe(
      Context.add(Replica, replica),
      Context.add(SyncService, sync)
    )
  })

/** Where no key is found, one is made only for this machine's own hub or none: elsewhere it would open nothing. */
const keyOf = (
  platform: PlatformApi,
  { enabled, identityKey, tenant, url }: SyncConfig,
  forgets: boolean
): Effect.Effect<ReaderKey | RecorderKey, OpenFailed> =>
  Effect.suspend(() => {
    if (identityKey !== undefined) return parse(identityKey)
    const away = enabled && url !== undefined
    const makes = !forgets && (!away || isLoopback(url))
    return Either.flatMap(
      platform.keyText(tenant, makes),
      (text): Either.Either<ReaderKey | RecorderKey, OpenFailed> => {
        if (text !== undefined) return parse(text)
        if (!away) return Either.right(makeReaderKey())
        return Either.left(
          new PlatformFailed({
            what: `There is no key for tenant ${tenant} here.`,
            fix: "Run `agent-sync init`, or set AGENT_SYNC_KEY or encryption.identityKey to the tenant's key."
          })
        )
      }
    )
  })

const inMemory = async (
  { aead, host }: PlatformApi,
  key: ReaderKey | RecorderKey,
  to: JournalPlace["remotes"]
): Promise<Either.Either<Journal, JournalFailed>> => {
  const recorder = key.kind === "reader" ? key.recorder : key
  const identity = makeWriter()
  try {
    const introduction = await introduce(recorder, identity, host)
    const remotes = to === "never" ? [] : to
    return Either.right(MemoryJournal.open({ sealing: sealingOf(aead, recorder, identity), introduction, remotes }))
  } catch (cause) {
    return Either.left(
      new JournalFailed({
        reason: "other",
        what: `Nothing can be sealed to the recorder key of index ${indexLog(recorder)}.`,
        cause
      })
    )
  }
}
