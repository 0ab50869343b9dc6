/** What happened: tools, permissions, usage, errors of recorded sessions, and the program's own notes. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Stream from "effect/Stream"
import type { Body, EventOf } from "../domain/AgentEvent.ts"
import type { AuditEvent as AuditBody } from "../domain/AuditEvent.ts"
import type { JournalFailed } from "../journal/Journal.ts"
import type { SyncService } from "../sync/SyncService.ts"
import { fitting, type ListOptions, listUnits, type Page, streamUnits, type TooLarge } from "./paging.ts"
import { Replica } from "./Replica.ts"
import { StorageConfig } from "./StorageConfig.ts"
import { freshKey, ours, type Unit } from "./Unit.ts"
import * as Workspace from "./Workspace.ts"

export type AuditKind = AuditBody["kind"]

/** One thing that happened. */
export interface AuditRecord {
  /** By which `get` finds it within its session; noting the same key again replaces it. */
  readonly key: string
  /** The agent's session, or the scope of the program that noted it. */
  readonly session: string
  readonly agent: string
  readonly kind: AuditKind
  readonly data: AuditBody["data"]
  /** Milliseconds since 1970, by who noted it. */
  readonly time: number
  /** Hex of the writer's id. */
  readonly writer: string
}

/** An audit event's kind and data; a text alone becomes a `note`. */
export type NewAudit = (
  | { readonly [K in AuditKind]: { readonly kind: K; readonly data: EventOf<K>["data"] } }[AuditKind]
  | { readonly what: string; readonly text?: string }
) & { readonly key?: string }

export interface AuditApi {
  /** Durable when it answers; answers its key. */
  readonly append: (event: NewAudit) => Effect.Effect<string, JournalFailed | TooLarge>
  readonly list: (options?: ListOptions & { readonly kind?: AuditKind }) => Effect.Effect<Page<AuditRecord>>
  readonly get: (key: string, session?: string) => Effect.Effect<Option.Option<AuditRecord>>
  /** What is there, then what comes and what changes. */
  readonly stream: (options?: { readonly session?: string; readonly live?: boolean }) => Stream.Stream<AuditRecord>
}

/** See `AuditApi`. Its layers differ in where it writes. */
export class AuditEventStore extends Context.Tag("agent-sync/AuditEventStore")<AuditEventStore, AuditApi>() {
  /** Over a replica that is there. */
  static readonly layer: Layer.Layer<AuditEventStore, never, Replica> = Layer.suspend(() =>
    Layer.effect(AuditEventStore, make)
  )
  /** Forgets at exit, and sends nothing. */
  static readonly layerMemory: Layer.Layer<AuditEventStore, Workspace.OpenFailed> = Layer.suspend(() =>
    Layer.provide(AuditEventStore.layer, Layer.provide(Workspace.layer(), StorageConfig.layerMemory))
  )
  /** In the tenant's journal on this machine. */
  static readonly layerJournaled = (
    options: Pick<Workspace.ProgramOptions, "tenant" | "scope" | "name" | "encryption"> = {}
  ): Layer.Layer<AuditEventStore, Workspace.OpenFailed> =>
    Layer.provide(AuditEventStore.layer, Workspace.layer(options))
  /** The same, and with the hubs; the store and its `SyncService`, wired once. */
  static readonly layerJournaledWithSync = (
    options: Workspace.ProgramOptions
  ): Layer.Layer<AuditEventStore | SyncService | Replica | Workspace.Workspace, Workspace.OpenFailed> =>
    Layer.provideMerge(AuditEventStore.layer, Workspace.layer(options))
}

const make: Effect.Effect<AuditApi, never, Replica> = Effect.gen(function* () {
  const replica = yield* Replica
  const storage = yield* StorageConfig
  return {
    append: ({ key = freshKey(), ...event }) =>
      Effect.gen(function* () {
        const body =
          "kind" in event
            ? ({ group: "audit", kind: event.kind, data: event.data } as Body)
            : ({ group: "audit", kind: "note", data: event } as const)
        const plain = yield* fitting(replica, ours(body, key, Date.now()), "This audit event")
        yield* replica.append([plain])
        return key
      }),
    list: ({ kind, ...options } = {}) =>
      Effect.sync(() =>
        listUnits(replica, "audit", options, storage, (unit) => {
          const record = read(unit)
          return kind === undefined || record?.kind === kind ? record : undefined
        })
      ),
    get: (key, session) =>
      Effect.sync(() => Option.fromNullable(replica.find("audit", key, session)).pipe(Option.flatMapNullable(read))),
    stream: (options = {}) => streamUnits(replica, "audit", options, read)
  }
})

const read = ({ agent, entry, session }: Unit): AuditRecord | undefined => {
  if (entry.content._tag !== "Event") return undefined
  const { event } = entry.content
  if (event.group !== "audit" || event.kind === "unrecognized") return undefined
  const { data, key, kind, time } = event
  return { key, session, agent, kind, data, time, writer: entry.writer }
}
