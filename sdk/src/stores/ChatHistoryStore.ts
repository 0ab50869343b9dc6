/**
 * What was said: by agents in sessions that are recorded, and by the program itself. Appending writes into the program's
 * log; reading sees every replica's, in one order.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Stream from "effect/Stream"
import type { EventOf } from "../domain/AgentEvent.ts"
import type { Part } from "../domain/ChatEvent.ts"
import type { JournalFailed } from "../journal/Journal.ts"
import type { SyncService } from "../sync/SyncService.ts"
import { fitting, type ListOptions, listUnits, type Page, streamUnits, type TooLarge } from "./paging.ts"
import { Replica } from "./Replica.ts"
import { StorageConfig } from "./StorageConfig.ts"
import { freshKey, ours, type Unit } from "./Unit.ts"
import * as Workspace from "./Workspace.ts"

/** One message as it holds now. */
export interface ChatMessage {
  /** By which `get` finds it within its session. */
  readonly key: string
  /** The agent's session, or the scope of the program that said it. */
  readonly session: string
  readonly agent: string
  readonly role: "user" | "assistant" | "system"
  /** Its texts, one below the other. */
  readonly text: string
  /** Texts, thoughts and references to images, in order. */
  readonly parts: ReadonlyArray<Part>
  readonly model: string | undefined
  /** Milliseconds since 1970, by who said it. */
  readonly time: number
  /** Hex of the writer's id. */
  readonly writer: string
}

/** What a program says; at most `EVENT_BYTES` (261,120) as an event. */
export interface NewMessage {
  readonly role: "user" | "assistant" | "system"
  readonly text: string
  readonly model?: string
  /** Appending the same key again replaces the message. A new one where it is not given. */
  readonly key?: string
}

export interface ChatApi {
  /** Durable when it answers. */
  readonly append: (message: NewMessage) => Effect.Effect<ChatMessage, JournalFailed | TooLarge>
  readonly list: (options?: ListOptions) => Effect.Effect<Page<ChatMessage>>
  readonly get: (key: string, session?: string) => Effect.Effect<Option.Option<ChatMessage>>
  /** What is there, then what comes and what changes. */
  readonly stream: (options?: { readonly session?: string; readonly live?: boolean }) => Stream.Stream<ChatMessage>
}

/** See `ChatApi`. Its layers differ in where it writes. */
export class ChatHistoryStore extends Context.Tag("agent-sync/ChatHistoryStore")<ChatHistoryStore, ChatApi>() {
  /** Over a replica that is there. */
  static readonly layer: Layer.Layer<ChatHistoryStore, never, Replica> = Layer.suspend(() =>
    Layer.effect(ChatHistoryStore, make)
  )
  /** Forgets at exit, and sends nothing. */
  static readonly layerMemory: Layer.Layer<ChatHistoryStore, Workspace.OpenFailed> = Layer.suspend(() =>
    Layer.provide(ChatHistoryStore.layer, Layer.provide(Workspace.layer(), StorageConfig.layerMemory))
  )
  /** In the tenant's journal on this machine. */
  static readonly layerJournaled = (
    options: Pick<Workspace.ProgramOptions, "tenant" | "scope" | "name" | "encryption"> = {}
  ): Layer.Layer<ChatHistoryStore, Workspace.OpenFailed> =>
    Layer.provide(ChatHistoryStore.layer, Workspace.layer(options))
  /** The same, and with the hubs; the store and its `SyncService`, wired once. */
  static readonly layerJournaledWithSync = (
    options: Workspace.ProgramOptions
  ): Layer.Layer<ChatHistoryStore | SyncService | Replica | Workspace.Workspace, Workspace.OpenFailed> =>
    Layer.provideMerge(ChatHistoryStore.layer, Workspace.layer(options))
}

const make: Effect.Effect<ChatApi, never, Replica> = Effect.gen(function* () {
  const replica = yield* Replica
  const storage = yield* StorageConfig
  return {
    append: ({ key = freshKey(), model, role, text }) =>
      Effect.gen(function* () {
        const data = { role, parts: [{ type: "text", text }], ...(model === undefined ? {} : { model }) } as const
        const event = ours({ group: "chat", kind: "message", data } as const, key, Date.now())
        const plain = yield* fitting(replica, event, "This message")
        yield* replica.append([plain])
        const unit = replica.find("chat", key, replica.scope)
        return (unit === undefined ? undefined : read(unit)) ?? messageOf(event, replica.scope, "program", "")
      }),
    list: (options = {}) => Effect.sync(() => listUnits(replica, "chat", options, storage, read)),
    get: (key, session) =>
      Effect.sync(() => Option.fromNullable(replica.find("chat", key, session)).pipe(Option.flatMapNullable(read))),
    stream: (options = {}) => streamUnits(replica, "chat", options, read)
  }
})

const read = ({ agent, entry, session }: Unit): ChatMessage | undefined =>
  entry.content._tag === "Event" && entry.content.event.kind === "message"
    ? messageOf(entry.content.event, session, agent, entry.writer)
    : undefined

const messageOf = (
  { data, key, time }: EventOf<"message">,
  session: string,
  agent: string,
  writer: string
): ChatMessage => ({
  key,
  session,
  agent,
  role: data.role,
  text: data.parts.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n"),
  parts: data.parts,
  model: data.model,
  time,
  writer
})
