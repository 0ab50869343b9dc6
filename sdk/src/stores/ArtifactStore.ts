/**
 * What was made: bytes under a name, of any size up to the store's limit. Larger ones than an entry are cut into parts
 * and put together again, held against their SHA-256. Tool results and file changes of recorded sessions are listed too.
 */
import { sha256 } from "@noble/hashes/sha2.js"
import { bytesToHex } from "@noble/hashes/utils.js"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import { fit } from "../domain/Parts.ts"
import { encodeEvent } from "../domain/Payload.ts"
import type { JournalFailed } from "../journal/Journal.ts"
import { EVENT_BYTES } from "../protocol/Limits.ts"
import type { SyncService } from "../sync/SyncService.ts"
import { type ListOptions, listUnits, type Page, streamUnits, TooLarge } from "./paging.ts"
import { Replica, type ReplicaApi } from "./Replica.ts"
import { StorageConfig } from "./StorageConfig.ts"
import { ours, type Unit } from "./Unit.ts"
import * as Workspace from "./Workspace.ts"

/** What is known of an artifact; its bytes are read apart. */
export interface Artifact {
  /** The name it was put under, or its event's key. */
  readonly name: string
  /** The agent's session, or the scope of the program that made it. */
  readonly session: string
  readonly agent: string
  /** `blob` was put by a program or an agent; the others come out of recorded sessions. */
  readonly kind: "blob" | "tool_result" | "file_change"
  /** `text/plain`, `application/octet-stream`, … */
  readonly mediaType: string
  /** Bytes of the whole. */
  readonly size: number
  /** SHA-256 of the whole, hex, where it is known. */
  readonly digest: string | undefined
  /** Milliseconds since 1970, by who made it. */
  readonly time: number
  /** Hex of the writer's id. */
  readonly writer: string
}

/** Not all parts are here yet, or they are not what was put. */
export class ArtifactIncomplete extends Schema.TaggedError<ArtifactIncomplete>()("ArtifactIncomplete", {
  name: Schema.String,
  what: Schema.String
}) {
  override get message() {
    return `${this.name}: ${this.what}`
  }
}

export interface ArtifactApi {
  /** Durable when it answers. The same name again replaces it. A text becomes UTF-8. */
  readonly append: (artifact: {
    readonly name: string
    readonly content: Uint8Array | string
    readonly mediaType?: string
  }) => Effect.Effect<Artifact, JournalFailed | TooLarge>
  readonly list: (options?: ListOptions) => Effect.Effect<Page<Artifact>>
  /** What is known of it, without its bytes. */
  readonly get: (name: string, session?: string) => Effect.Effect<Option.Option<Artifact>>
  /** Its bytes, whole; none where there is no such name. */
  readonly read: (name: string, session?: string) => Effect.Effect<Option.Option<Uint8Array>, ArtifactIncomplete>
  /** What is there, then what comes and what changes, each once it is whole. */
  readonly stream: (options?: { readonly session?: string; readonly live?: boolean }) => Stream.Stream<Artifact>
}

/** See `ArtifactApi`. Its layers differ in where it writes. */
export class ArtifactStore extends Context.Tag("agent-sync/ArtifactStore")<ArtifactStore, ArtifactApi>() {
  /** Over a replica that is there. */
  static readonly layer: Layer.Layer<ArtifactStore, never, Replica> = Layer.suspend(() =>
    Layer.effect(ArtifactStore, make)
  )
  /** Forgets at exit, and sends nothing. */
  static readonly layerMemory: Layer.Layer<ArtifactStore, Workspace.OpenFailed> = Layer.suspend(() =>
    Layer.provide(ArtifactStore.layer, Layer.provide(Workspace.layer(), StorageConfig.layerMemory))
  )
  /** In the tenant's journal on this machine. */
  static readonly layerJournaled = (
    options: Pick<Workspace.ProgramOptions, "tenant" | "scope" | "name" | "encryption"> = {}
  ): Layer.Layer<ArtifactStore, Workspace.OpenFailed> => Layer.provide(ArtifactStore.layer, Workspace.layer(options))
  /** The same, and with the hubs; the store and its `SyncService`, wired once. */
  static readonly layerJournaledWithSync = (
    options: Workspace.ProgramOptions
  ): Layer.Layer<ArtifactStore | SyncService | Replica | Workspace.Workspace, Workspace.OpenFailed> =>
    Layer.provideMerge(ArtifactStore.layer, Workspace.layer(options))
}

const make: Effect.Effect<ArtifactApi, never, Replica> = Effect.gen(function* () {
  const replica = yield* Replica
  const storage = yield* StorageConfig
  const read = readFrom(replica)
  return {
    append: ({ content, mediaType = typeof content === "string" ? "text/plain" : "application/octet-stream", name }) =>
      Effect.gen(function* () {
        const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content
        const limit = storage.maxArtifactBytes
        const size = bytes.byteLength
        if (size > limit) return yield* new TooLarge({ what: `The artifact ${name}`, size, limit })
        const digest = bytesToHex(sha256(bytes))
        const time = Date.now()
        const data = { mediaType, size, digest, bytes, name, part: [0, 1] as const }
        // Parts of two contents under one name must not be taken for each other's: the content is in the key.
        const event = ours({ group: "artifact", kind: "blob", data } as const, `${name}#${digest.slice(0, 16)}`, time)
        yield* replica.append(fit(event, EVENT_BYTES).map(encodeEvent))
        const unit = replica.find("artifact", name, replica.scope)
        const stored = unit === undefined ? undefined : read(unit)
        return (
          stored ?? {
            name,
            session: replica.scope,
            agent: "program",
            kind: "blob",
            mediaType,
            size,
            digest,
            time,
            writer: ""
          }
        )
      }),
    list: (options = {}) => Effect.sync(() => listUnits(replica, "artifact", options, storage, read)),
    get: (name, session) =>
      Effect.sync(() =>
        Option.fromNullable(replica.find("artifact", name, session)).pipe(Option.flatMapNullable(read))
      ),
    read: (name, session) =>
      Effect.suspend(() => {
        const unit = replica.find("artifact", name, session)
        if (unit === undefined) return Effect.succeedNone
        const bytes = bytesOf(replica, unit)
        return Either.isRight(bytes)
          ? Effect.succeedSome(bytes.right)
          : Effect.fail(new ArtifactIncomplete({ name, what: bytes.left }))
      }),
    stream: (options = {}) =>
      streamUnits(replica, "artifact", options, (unit) =>
        Either.isRight(bytesOf(replica, unit)) ? read(unit) : undefined
      )
  }
})

/** What a merge made of it, else the parts of what won, else the text of a result. */
const bytesOf = (replica: ReplicaApi, { entry, merged }: Unit): Either.Either<Uint8Array, string> => {
  const made = mergedOf(merged)
  if (made !== undefined) return Either.right(made.bytes)
  if (entry.content._tag === "Event" && entry.content.event.kind === "tool_result") {
    return Either.right(new TextEncoder().encode(entry.content.event.data.text))
  }
  if (entry.content._tag === "Event" && entry.content.event.kind === "file_change") {
    return Either.right(new TextEncoder().encode(entry.content.event.data.patch ?? ""))
  }
  return replica.bytesOf(entry)
}

const mergedOf = (
  merged: unknown
): { readonly bytes: Uint8Array; readonly mediaType: string | undefined } | undefined => {
  if (typeof merged !== "object" || merged === null || !("bytes" in merged)) return undefined
  const { bytes } = merged
  if (!(bytes instanceof Uint8Array)) return undefined
  const mediaType = "mediaType" in merged && typeof merged.mediaType === "string" ? merged.mediaType : undefined
  return { bytes, mediaType }
}

const readFrom =
  (replica: ReplicaApi) =>
  (unit: Unit): Artifact | undefined => {
    const { agent, entry, merged, primaryKey: name, session } = unit
    if (entry.content._tag !== "Event") return undefined
    const { event } = entry.content
    const about = { name, session, agent, time: event.time, writer: entry.writer }
    if (event.kind === "blob") {
      const made = mergedOf(merged)
      const { digest, mediaType, size } = event.data
      return made === undefined
        ? { ...about, kind: event.kind, mediaType, size, digest }
        : {
            ...about,
            kind: event.kind,
            mediaType: made.mediaType ?? mediaType,
            size: made.bytes.byteLength,
            digest: bytesToHex(sha256(made.bytes))
          }
    }
    if (event.kind !== "tool_result" && event.kind !== "file_change") return undefined
    const bytes = bytesOf(replica, unit)
    const size = Either.isRight(bytes) ? bytes.right.byteLength : 0
    const mediaType = event.kind === "tool_result" ? "text/plain" : "text/x-diff"
    return { ...about, kind: event.kind, mediaType, size, digest: undefined }
  }
