/**
 * A program's own events in the program's log: `Event`, `EventGroup`, `EventLog.group` and `EventLog.makeClient` of
 * `@effect/experimental` as they are, over our journal and hubs instead of the stock ones. Provide this layer where the
 * stock documentation provides `EventLog.layer`.
 *
 * A handler runs once for each value that comes to hold, in this program's life: for what was written before it started,
 * for its own writes before they are recorded, and for others' as they arrive. What was superseded or lost to a conflict does not run.
 */
import * as EventJournal from "@effect/experimental/EventJournal"
import * as EventLog from "@effect/experimental/EventLog"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import { makeEntryId } from "../crypto/EntryId.ts"
import { writeData } from "../domain/Payload.ts"
import { EVENT_BYTES } from "../protocol/Limits.ts"
import { Replica } from "../stores/Replica.ts"
import type { Entry, Unit } from "../stores/Unit.ts"
import { SyncService } from "../sync/SyncService.ts"

/** Tags of these groups are agent-sync's own. */
const OURS = /^(chat|artifact|audit|index|log)\./

export const layer: Layer.Layer<EventLog.EventLog, never, Replica | SyncService> = Layer.suspend(() =>
  Layer.scoped(EventLog.EventLog, make).pipe(Layer.provide(EventLog.Registry.layer))
)

const make = Effect.gen(function* () {
  const replica = yield* Replica
  const sync = yield* SyncService
  const registered = yield* (yield* EventLog.Registry).handlers
  const handlerOf = (tag: string) => registered[tag] as unknown as Handler | undefined
  const reactivity: Record<string, ReadonlyArray<string>> = {}
  const lock = yield* Effect.makeSemaphore(1)
  /** Ids of our own writes whose handler has run. */
  const handled = new Set<string>()
  /** By unit, the entry whose handler ran last. */
  const ran = new Map<string, string>()

  const apply = (unit: Unit) =>
    Effect.gen(function* () {
      const entry = entryOf(unit.entry, unit)
      if (entry === undefined) return
      const item = handlerOf(unit.event)
      // Another program's event, or a group that is not there yet: it stays in the log.
      if (item === undefined) return
      const id = entry.idString
      if (unit.merged === undefined && (handled.delete(id) || ran.get(unit.id) === id)) {
        ran.set(unit.id, id)
        return
      }
      ran.set(unit.id, id)
      const decode = Schema.decodeUnknown(item.event.payloadMsgPack)
      const conflicts: Array<{ readonly entry: EventJournal.Entry; readonly payload: unknown }> = []
      for (const other of unit.contending) {
        const one = entryOf(other, { ...unit, merged: undefined })
        if (one !== undefined) conflicts.push({ entry: one, payload: yield* decode(one.payload) })
      }
      yield* item.handler({ payload: yield* decode(entry.payload), entry, conflicts })
    }).pipe(
      Effect.provide(handlerOf(unit.event)?.context ?? Context.empty()),
      // One that cannot be handled must not hold up the others; it is told, and stays in the log.
      Effect.catchAllCause((cause) =>
        Effect.sync(() =>
          sync.trouble(`${unit.event} ${unit.primaryKey} could not be handled: ${cause.toString().split("\n")[0]}`)
        )
      )
    )

  const queue = yield* Queue.unbounded<string>()
  for (const { id } of replica.units("user")) queue.unsafeOffer(id)
  yield* Effect.acquireRelease(
    Effect.sync(() => replica.onChange(({ group, id }) => void (group === "user" && queue.unsafeOffer(id)))),
    (stop) => Effect.sync(stop)
  )
  yield* Queue.take(queue).pipe(
    Effect.flatMap((id) => {
      const unit = replica.unit(id)
      return unit === undefined ? Effect.void : lock.withPermits(1)(apply(unit))
    }),
    Effect.forever,
    Effect.forkScoped
  )

  const write = (options: { readonly event: string; readonly payload: unknown }) =>
    Effect.gen(function* () {
      const item = handlerOf(options.event)
      if (item === undefined) return yield* Effect.dieMessage(`No handler is registered for ${options.event}.`)
      if (OURS.test(options.event)) {
        return yield* Effect.dieMessage(`${options.event} is a name of agent-sync's own; call it otherwise.`)
      }
      const payload = yield* Effect.orDie(Schema.encode(item.event.payloadMsgPack)(options.payload))
      if (payload.byteLength > EVENT_BYTES) {
        const cause = new Error(`${options.event} has ${payload.byteLength} bytes; ${EVENT_BYTES} is the limit.`)
        return yield* Effect.fail(new EventJournal.EventJournalError({ method: "write", cause }))
      }
      const primaryKey = item.event.primaryKey(options.payload)
      const id = makeEntryId()
      const entry = new EventJournal.Entry(
        { id: EventJournal.EntryId.make(id), event: options.event, primaryKey, payload },
        { disableValidation: true }
      )
      // Who refuses a payload refuses it before it is in the log.
      const answer = yield* item.handler({ payload: options.payload, entry, conflicts: [] })
      handled.add(entry.idString)
      const written = replica.append([{ event: options.event, primaryKey, payload: Uint8Array.from(payload) }], [id])
      if (Either.isLeft(written)) {
        handled.delete(entry.idString)
        return yield* Effect.fail(new EventJournal.EventJournalError({ method: "write", cause: written.left }))
      }
      return answer
    }).pipe(lock.withPermits(1), Effect.provide(handlerOf(options.event)?.context ?? Context.empty()))

  return EventLog.EventLog.of({
    write: write as never,
    entries: Effect.sync(() =>
      replica.units("user").flatMap((unit) => {
        const entry = entryOf(unit.entry, unit)
        return entry === undefined ? [] : [entry]
      })
    ),
    registerRemote: () =>
      Effect.dieMessage("Connect hubs with SyncService.connectWebSocket; registerRemote is the stock engine's."),
    registerCompaction: () =>
      Effect.dieMessage("Provide a Compaction layer; registerCompaction is the stock engine's."),
    registerReactivity: (keys) => Effect.sync(() => void Object.assign(reactivity, keys)),
    destroy: Effect.dieMessage("A program cannot destroy a tenant's log; `agent-sync destroy` removes the hub.")
  })
})

/** A registered handler, as the stock registry keeps it. */
interface Handler {
  readonly event: {
    readonly payloadMsgPack: Schema.Schema<unknown, Uint8Array>
    readonly primaryKey: (payload: unknown) => string
  }
  readonly context: Context.Context<never>
  readonly handler: (call: {
    readonly payload: unknown
    readonly entry: EventJournal.Entry
    readonly conflicts: ReadonlyArray<{ readonly entry: EventJournal.Entry; readonly payload: unknown }>
  }) => Effect.Effect<unknown, unknown>
}

const entryOf = ({ content, entryId }: Entry, { merged }: Unit): EventJournal.Entry | undefined => {
  if (content._tag !== "Foreign") return undefined
  const { event, payload, primaryKey } = content.plain
  return new EventJournal.Entry(
    {
      id: EventJournal.EntryId.make(entryId),
      event,
      primaryKey,
      payload: merged === undefined ? payload : writeData(merged)
    },
    { disableValidation: true }
  )
}
