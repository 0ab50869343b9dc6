/** Events of a program's own, with `@effect/experimental`'s `EventGroup`, in the same log as everything else. */

import * as EventGroup from "@effect/experimental/EventGroup"
import * as EventLog from "@effect/experimental/EventLog"
import { ConflictPolicy, StorageConfig, UserEvents, Workspace } from "agent-sync"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

const Tasks = EventGroup.empty
  .add({
    tag: "TaskAdded",
    primaryKey: ({ id }) => id,
    payload: Schema.Struct({ id: Schema.String, title: Schema.String })
  })
  .add({ tag: "TaskDone", primaryKey: ({ id }) => id, payload: Schema.Struct({ id: Schema.String }) })
const schema = EventLog.schema(Tasks)

/** What the program knows; every replica comes to the same. */
const open = new Map<string, string>()

const handlers = EventLog.group(Tasks, (on) =>
  on
    .handle("TaskAdded", ({ payload }) => Effect.sync(() => void open.set(payload.id, payload.title)))
    .handle("TaskDone", ({ payload }) => Effect.sync(() => void open.delete(payload.id)))
)

const program = Effect.gen(function* () {
  const write = yield* EventLog.makeClient(schema)
  yield* write("TaskAdded", { id: "1", title: "Write it down" })
  yield* write("TaskAdded", { id: "2", title: "Do it" })
  yield* write("TaskDone", { id: "1" })
  yield* Console.log([...open.values()].join(", "))
})

const live = Layer.merge(UserEvents.layer, handlers).pipe(
  Layer.provide(Workspace.layer({ scope: "tasks" })),
  Layer.provide(ConflictPolicy.layerFirstWriteWins),
  Layer.provide(StorageConfig.layerMemory)
)

await Effect.runPromise(Effect.provide(program, live))
