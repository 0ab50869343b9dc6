/** Lists in pages and streams that go on, over a replica's units: what the three stores have in common. */
import { base64urlnopad } from "@scure/base"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { AgentEvent } from "../domain/AgentEvent.ts"
import { encodeEvent, type Plain } from "../domain/Payload.ts"
import { EVENT_BYTES } from "../protocol/Limits.ts"
import { compareBytes } from "../sync/ConflictPolicy.ts"
import type { ReplicaApi } from "./Replica.ts"
import type { Storage } from "./StorageConfig.ts"
import type { Group, Unit } from "./Unit.ts"

/** An item is larger than its store takes. Sizes in bytes. */
export class TooLarge extends Schema.TaggedError<TooLarge>()("TooLarge", {
  what: Schema.String,
  size: Schema.Number,
  limit: Schema.Number
}) {
  override get message() {
    return `${this.what} has ${this.size} bytes; ${this.limit} is the limit.`
  }
}

/** A piece of a list. */
export interface Page<A> {
  readonly items: ReadonlyArray<A>
  /** Give it as `after` for the next page; undefined at the end. It holds on every replica. */
  readonly next: string | undefined
}

/** Which piece of a list; the oldest items of all sessions where nothing is said. */
export interface ListOptions {
  /** Only of this session; a program's own are under its scope. */
  readonly session?: string
  /** The `next` of the page before. */
  readonly after?: string
  /** The store's page size where it is not given. */
  readonly limit?: number
  /** Newest first. */
  readonly newest?: boolean
}

export const listUnits = <A>(
  replica: ReplicaApi,
  group: Group,
  options: ListOptions,
  { maxPageSize, pageSize }: Storage,
  read: (unit: Unit) => A | undefined
): Page<A> => {
  const { after, limit = pageSize, newest = false, session } = options
  const size = Math.max(1, Math.min(limit, maxPageSize))
  const units = replica.units(group)
  const start = after === undefined ? undefined : positionOf(after)
  const items: Array<A> = []
  let last: Unit | undefined
  const step = newest ? -1 : 1
  for (let i = newest ? units.length - 1 : 0; i >= 0 && i < units.length; i += step) {
    const unit = units[i]!
    if (start !== undefined && compare(unit, start) * step <= 0) continue
    if (session !== undefined && unit.session !== session) continue
    const item = read(unit)
    if (item === undefined) continue
    if (items.length === size) return { items, next: cursorOf(last!) }
    items.push(item)
    last = unit
  }
  return { items, next: undefined }
}

/** What is there, in its order, and then each change; ends with its scope. `live: false` ends after what is there. */
export const streamUnits = <A>(
  replica: ReplicaApi,
  group: Group,
  { live = true, session }: { readonly session?: string; readonly live?: boolean },
  read: (unit: Unit) => A | undefined
): Stream.Stream<A> => {
  const wanted = (unit: Unit) => unit.group === group && (session === undefined || unit.session === session)
  return Stream.asyncPush<A>(
    (emit) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          const push = (unit: Unit) => {
            const item = wanted(unit) ? read(unit) : undefined
            if (item !== undefined) emit.single(item)
          }
          for (const unit of replica.units(group)) push(unit)
          if (!live) emit.end()
          return live ? replica.onChange(push) : () => {}
        }),
        (stop) => Effect.sync(stop)
      ),
    { bufferSize: "unbounded" }
  )
}

/** One event, without the secrets in it, that has to fit into one entry. */
export const fitting = ({ safe }: ReplicaApi, event: AgentEvent, what: string): Either.Either<Plain, TooLarge> => {
  const plain = encodeEvent(safe(event))
  const size = plain.payload.byteLength
  return size <= EVENT_BYTES ? Either.right(plain) : Either.left(new TooLarge({ what, size, limit: EVENT_BYTES }))
}

const cursorOf = ({ id, position }: Unit) =>
  `${base64urlnopad.encode(position)}.${base64urlnopad.encode(new TextEncoder().encode(id))}`

/** A cursor that is none is before everything. */
const positionOf = (cursor: string): Pick<Unit, "id" | "position"> => {
  try {
    const [position = "", id = ""] = cursor.split(".")
    return { position: base64urlnopad.decode(position), id: new TextDecoder().decode(base64urlnopad.decode(id)) }
  } catch {
    return { position: new Uint8Array(), id: "" }
  }
}
const compare = (a: Pick<Unit, "id" | "position">, b: Pick<Unit, "id" | "position">) =>
  compareBytes(a.position, b.position) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
