/**
 * The same without Effect, for programs that do not use it: `createRecorder` writes, `watch` reads. Both are the layers of
 * `AgentRuntime` underneath.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Stream from "effect/Stream"
import type { AgentEvent } from "../domain/AgentEvent.ts"
import { ArtifactStore } from "../stores/ArtifactStore.ts"
import { AuditEventStore, type NewAudit } from "../stores/AuditEventStore.ts"
import { ChatHistoryStore, type NewMessage } from "../stores/ChatHistoryStore.ts"
import { Replica } from "../stores/Replica.ts"
import { type Storage, StorageConfig } from "../stores/StorageConfig.ts"
import type { Unit } from "../stores/Unit.ts"
import { compareBytes } from "../sync/ConflictPolicy.ts"
import { type Status, SyncService } from "../sync/SyncService.ts"
import type { Agent } from "./Agent.ts"
import { AgentRuntime, type Outcome, type RunOptions, type RuntimeOptions } from "./AgentRuntime.ts"

/** As `AgentRuntime.layerWithRemoteSync` takes them, and where they come from. */
export interface PlainOptions extends RuntimeOptions {
  /** A preset of `agent-sync.json`; what is given beside it stands above it. */
  readonly preset?: string
  /** Where the journal is. */
  readonly journal?: Partial<Storage>
}

/** What can be recorded: a message, an artifact, or anything else that happened. */
export type Recordable =
  | NewMessage
  | { readonly name: string; readonly content: Uint8Array | string; readonly mediaType?: string }
  | NewAudit

/** Writes for one program, until it is closed. */
export interface ProgramRecorder {
  /**
   * Durable on this machine when it resolves. Rejects with `JournalFailed` (its `reason`: `full`, `read-only`, …) where it could
   * not be written, and with `TooLarge`; the recorder goes on.
   */
  readonly record: (what: Recordable) => Promise<void>
  /** Runs an agent and records what it does; a bad end is an outcome. Rejects with `AgentFailed` where it could not start. */
  readonly run: (agent: Agent, options?: RunOptions) => Promise<Outcome>
  /** Waits until the hubs have everything, or do not answer. */
  readonly flush: () => Promise<Status>
  /** How each hub stands and what waits, now. */
  readonly status: () => Promise<Status>
  /** Ends by itself, also with a dead hub. */
  readonly close: () => Promise<void>
}

/**
 * Rejects where the settings, the key or the journal are not right (`BadSyncConfig`, `PlatformFailed`, `UnreadableKey`,
 * `JournalFailed`); never waits for a hub.
 */
export const createRecorder = async (options: PlainOptions = {}): Promise<ProgramRecorder> => {
  const runtime = ManagedRuntime.make(layerOf(options))
  /** Rejects with the error itself, which `instanceof` and `_tag` know. */
  const run = async <A, E>(
    effect: Effect.Effect<A, E, Layer.Layer.Success<ReturnType<typeof layerOf>>>
  ): Promise<A> => {
    const exit = await runtime.runPromiseExit(effect)
    if (Exit.isSuccess(exit)) return exit.value
    throw Cause.squash(exit.cause)
  }
  await run(Effect.void)
  const record = (what: Recordable): Effect.Effect<unknown, Error, Stores> => {
    if ("role" in what) return Effect.flatMap(ChatHistoryStore, (store) => store.append(what))
    if ("content" in what) return Effect.flatMap(ArtifactStore, (store) => store.append(what))
    return Effect.flatMap(AuditEventStore, (store) => store.append(what))
  }
  return {
    record: (what) => run(Effect.asVoid(record(what))),
    run: (agent, how) => run(Effect.flatMap(AgentRuntime, (agents) => agents.run(agent, how))),
    flush: () => run(Effect.flatMap(SyncService, ({ syncNow }) => syncNow)),
    status: () => run(Effect.flatMap(SyncService, ({ status }) => status)),
    close: () => runtime.dispose()
  }
}

/** An event with whose it is. */
export interface Watched {
  readonly session: string
  readonly agent: string
  /** Hex of the writer's id. */
  readonly writer: string
  readonly event: AgentEvent
}

/** What is watched; everything of the tenant where nothing is said. */
export interface WatchOptions extends PlainOptions {
  /** Only this session, by its whole id: `Outcome.session`, or what `agent-sync sessions --json` tells. */
  readonly session?: string | undefined
  /** False ends after what is there once the hub has been read. */
  readonly live?: boolean
}

/**
 * The tenant's events as they are known and as they come, until the loop is left. What a later event says of the same `key` stands
 * in place of the earlier. A session that is over says `session_end`, and may go on with another `session_start`; which sessions
 * there are tells `connectReader` of `agent-sync/bun`. Needs the reader key for others' sessions. Throws what `createRecorder`
 * rejects with.
 */
export const watch = (options: WatchOptions = {}): AsyncIterable<Watched> => {
  const { live = true, session, ...rest } = options
  const events = Stream.unwrap(
    Effect.gen(function* () {
      const replica = yield* Replica
      if (!live) yield* Effect.flatMap(SyncService, ({ syncNow }) => syncNow)
      return Stream.asyncPush<Watched>(
        (emit) =>
          Effect.acquireRelease(
            Effect.sync(() => {
              const push = (unit: Unit) => {
                const one = watchedOf(unit)
                if (one !== undefined && (session === undefined || one.session === session)) emit.single(one)
              }
              const known = (["chat", "artifact", "audit"] as const).flatMap(replica.units)
              for (const unit of known.sort(byPosition)) push(unit)
              if (!live) emit.end()
              return live ? replica.onChange(push) : () => {}
            }),
            (stop) => Effect.sync(stop)
          ),
        { bufferSize: "unbounded" }
      )
    })
  )
  return Stream.toAsyncIterable(Stream.provideLayer(events, layerOf(rest)))
}

type Stores = ChatHistoryStore | ArtifactStore | AuditEventStore

const layerOf = ({ journal, preset, ...options }: PlainOptions) => {
  const layer =
    preset === undefined ? AgentRuntime.layerWithRemoteSync(options) : AgentRuntime.layerFromPreset(preset, options)
  return journal === undefined ? layer : Layer.provide(layer, StorageConfig.layer(journal))
}

const watchedOf = ({ agent, entry, session }: Unit): Watched | undefined =>
  entry.content._tag === "Event" ? { session, agent, writer: entry.writer, event: entry.content.event } : undefined

const byPosition = (a: Unit, b: Unit) => compareBytes(a.position, b.position)
