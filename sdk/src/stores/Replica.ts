/**
 * A program's copy of what was said, made and noted: its own logs out of the journal, others' as they come from a hub, put
 * together so that every replica comes to the same. Stores and users' event groups are views on it; it writes into one
 * log of its own, the program's. What is put together is `Unit.ts`, its own logs are `OwnLogs.ts`.
 *
 * What agents did (captured sessions) merges by source and never conflicts. What programs write under one event and
 * primary key may, and then the `ConflictPolicy` says what holds.
 */
import { bytesToHex } from "@noble/hashes/utils.js"
import * as Context from "effect/Context"
import * as Either from "effect/Either"
import type { Redactor } from "../agents/Redaction.ts"
import type { Aead } from "../crypto/Aead.ts"
import type { AgentEvent, EventOf } from "../domain/AgentEvent.ts"
import { join } from "../domain/Parts.ts"
import * as Payload from "../domain/Payload.ts"
import { type Journal, type JournalEntry, JournalFailed } from "../journal/Journal.ts"
import {
  type Candidate,
  compareBytes,
  conflictKey,
  inOrder,
  lastWriteWins,
  makeContention,
  type Policy
} from "../sync/ConflictPolicy.ts"
import { type Earlier, makeOwnLogs } from "./OwnLogs.ts"
import {
  blobOf,
  type Entry,
  eventsOf,
  type Group,
  idOf,
  isBetter,
  nameOf,
  nameOfSession,
  type Origin,
  ours,
  PROGRAM,
  type Told,
  type Unit
} from "./Unit.ts"

export interface ReplicaApi {
  readonly scope: string
  /** The event without the secrets in it. */
  readonly safe: (event: AgentEvent) => AgentEvent
  /** Writes into the program's log; durable when it answers. */
  readonly append: (
    plains: ReadonlyArray<Payload.Plain>,
    ids?: ReadonlyArray<Uint8Array>
  ) => Either.Either<ReadonlyArray<JournalEntry>, JournalFailed>
  /** The units of a group, in the order they were first written: the same on every replica that has the same. */
  readonly units: (group: Group) => ReadonlyArray<Unit>
  readonly unit: (id: string) => Unit | undefined
  readonly find: (group: Group, primaryKey: string, session?: string) => Unit | undefined
  /** The bytes of an artifact; a sentence where parts are missing. */
  readonly bytesOf: (entry: Entry) => Either.Either<Uint8Array, string>
  /** Called with each unit whose value changed. */
  readonly onChange: (listener: (unit: Unit) => void) => () => void
  /** What others wrote, as it comes. */
  readonly receive: (of: Origin, entry: Omit<Entry, "session" | "agent" | "own">) => void
  /** The agent told its session's id after the log had begun: its units are known by that from then on. */
  readonly rename: (of: Origin, alias: string) => void
  /** The journal for recorders: what they write is seen here at once. Undefined where nothing can be written. */
  readonly journal: Journal | undefined
}

/** A program's copy of its tenant; the stores are views on it. See `ReplicaApi`. */
export class Replica extends Context.Tag("agent-sync/Replica")<Replica, ReplicaApi>() {}

export interface ReplicaOptions {
  readonly scope: string
  /** For people. */
  readonly name: string
  readonly host: string | undefined
  readonly aead: Aead
  readonly policy: Policy
  readonly redactor: Redactor
  /** To write, and all that are read: the first is also the one written to. Empty only reads what comes from hubs. */
  readonly journal: Journal | undefined
  readonly journals: ReadonlyArray<Journal>
  /** As `OwnLogs` has it. */
  readonly earlier?: ReadonlyArray<Earlier>
  /** Whether the sessions of agents and of other scopes in `journals` are read too. */
  readonly everything: boolean
  readonly onTrouble: (what: string) => void
  readonly wall?: () => number
}

export interface RunningReplica extends ReplicaApi {
  /** A hub takes a log of ours no more: if it is the program's, it goes on in a new one. */
  readonly goOn: () => void
  readonly stop: () => void
}

interface Known {
  unit: Unit
  readonly add: (entry: Entry) => void
  readonly resolve: () => { readonly entry: Entry; readonly merged: unknown; readonly contending: ReadonlyArray<Entry> }
}

export const makeReplica = (options: ReplicaOptions): RunningReplica => {
  const { journals, policy, redactor, scope, wall = Date.now } = options
  const own = new Set(journals.map(({ writer }) => bytesToHex(writer.id)))
  const known = new Map<string, Known>()
  const ordered: Record<Group, Array<string>> = { chat: [], artifact: [], audit: [], user: [] }
  const blobs = new Map<string, Map<number, EventOf<"blob">>>()
  /** The highest `n` applied of each other writer of the scope. */
  const applied = new Map<string, number>()
  const listeners = new Set<(unit: Unit) => void>()
  /** Ids that agents told late. */
  const aliases = new Map<string, string>()
  let stopped = false

  const ingest = (entry: Entry) => {
    const { content } = entry
    if (content._tag === "Unreadable")
      return options.onTrouble(`An entry of ${entry.session} cannot be read: ${content.why}`)
    if (content._tag !== "Event" && content._tag !== "Foreign") return
    if (entry.agent === PROGRAM && entry.session === scope && !entry.own) {
      applied.set(entry.writer, Math.max(entry.n, applied.get(entry.writer) ?? 0))
    }
    const { event, group, primaryKey } = nameOf(content)
    if (content._tag === "Event" && content.event.kind === "blob") {
      const parts = blobs.get(blobOf(entry, content.event)) ?? new Map<number, EventOf<"blob">>()
      parts.set(content.event.data.part?.[0] ?? 0, content.event)
      blobs.set(blobOf(entry, content.event), parts)
      if ((content.event.data.part?.[0] ?? 0) > 0) return tellWhole(entry, content)
    }
    const id = idOf(entry.agent, entry.session, event, primaryKey)
    const before = known.get(id)
    const one = before ?? begin(id, group, event, primaryKey, entry)
    one.add(entry)
    const { contending, entry: winner, merged } = one.resolve()
    const written = entry.first ?? entry.entryId
    const position = compareBytes(written, one.unit.position) < 0 ? written : one.unit.position
    const moved = position !== one.unit.position
    const same =
      before !== undefined &&
      winner === one.unit.entry &&
      merged === undefined &&
      contending.length === one.unit.contending.length
    one.unit = { ...one.unit, position, entry: winner, merged, contending }
    place(group, id, moved)
    if (same) return
    if (contending.length > 0) contested(one.unit)
    tell(one.unit)
  }

  const begin = (id: string, group: Group, event: string, primaryKey: string, entry: Entry): Known => {
    const { agent, session } = entry
    const one: Known = {
      unit: {
        id,
        group,
        session: aliases.get(nameOfSession(entry)) ?? session,
        agent,
        event,
        primaryKey,
        position: entry.first ?? entry.entryId,
        entry,
        merged: undefined,
        contending: []
      },
      ...(agent === PROGRAM ? byPolicy(event, primaryKey) : bySource())
    }
    known.set(id, one)
    return one
  }

  const byPolicy = (event: string, primaryKey: string): Pick<Known, "add" | "resolve"> => {
    const contention = makeContention<Entry>()
    return {
      add: contention.add,
      resolve: () => {
        const heads = contention.heads()
        const [first] = heads
        if (heads.length === 1 || primaryKey.startsWith("conflict:")) {
          return { entry: first!, merged: undefined, contending: [] }
        }
        const candidates = heads.map((entry) => ({
          event,
          primaryKey,
          writer: entry.writer,
          entryId: entry.entryId,
          data: dataOf(entry)
        }))
        const winner = chosen(candidates)
        const entry = heads.find((one) => one.writer === winner.writer) ?? first!
        const merged = candidates.some(({ data }) => data === winner.data) ? undefined : winner.data
        return { entry, merged, contending: heads.filter((one) => one !== entry) }
      }
    }
  }

  /** What the policy says; the last write, the same on every replica, where it breaks. */
  const chosen = (candidates: ReadonlyArray<Candidate>): Candidate => {
    try {
      return policy.resolve(candidates)
    } catch (cause) {
      const [{ event, primaryKey }] = candidates as readonly [Candidate]
      options.onTrouble(
        `${event} ${primaryKey} was written twice, and the conflict policy (${policy.name}) broke on it: ${String(cause)}. The last write holds.`
      )
      return lastWriteWins.resolve(candidates)
    }
  }

  const bySource = (): Pick<Known, "add" | "resolve"> => {
    let best: Entry | undefined
    return {
      add: (entry) => {
        if (best === undefined || isBetter(entry, best)) best = entry
      },
      resolve: () => ({ entry: best!, merged: undefined, contending: [] })
    }
  }

  const place = (group: Group, id: string, moved: boolean) => {
    const list = ordered[group]
    if (placed.has(id)) {
      if (!moved) return
      list.splice(list.indexOf(id), 1)
    }
    placed.add(id)
    let low = 0
    let high = list.length
    // New things come last, nearly always.
    if (high > 0 && isBefore(list[high - 1]!, id)) low = high
    while (low < high) {
      const middle = (low + high) >> 1
      if (isBefore(list[middle]!, id)) low = middle + 1
      else high = middle
    }
    list.splice(low, 0, id)
  }
  const placed = new Set<string>()
  const isBefore = (a: string, b: string) => {
    const order = compareBytes(known.get(a)!.unit.position, known.get(b)!.unit.position)
    return order < 0 || (order === 0 && a < b)
  }

  const tell = (unit: Unit) => {
    for (const listener of [...listeners]) listener(unit)
  }
  /** A part came behind its first: the artifact may be whole now, and what a merge made of it another. */
  const tellWhole = (entry: Entry, told: Told) => {
    const { event, primaryKey } = nameOf(told)
    const one = known.get(idOf(entry.agent, entry.session, event, primaryKey))
    if (one === undefined) return
    if (one.unit.contending.length > 0) one.unit = { ...one.unit, ...one.resolve() }
    if (one.unit.merged !== undefined || Either.isRight(bytesOf(one.unit.entry))) tell(one.unit)
  }

  /** Who wrote the later of two that contend says so in the audit: one of all replicas, once. */
  const contested = (unit: Unit) => {
    const [first, ...later] = [unit.entry, ...unit.contending].sort(inOrder)
    for (const entry of later) {
      if (!entry.own || first === undefined) continue
      const key = conflictKey(first, entry)
      queueMicrotask(() => {
        if (stopped || find("audit", key) !== undefined) return
        const refused = policy.reason === undefined ? "" : ` The later one was refused: ${policy.reason}`
        const text = `${unit.event} ${unit.primaryKey} was written twice, by programs that had not seen each other; ${policy.name}.${refused}`
        if (policy.reason !== undefined) options.onTrouble(text)
        append([
          Payload.encodeEvent(ours({ group: "audit", kind: "note", data: { what: "conflict", text } }, key, wall()))
        ])
      })
    }
  }

  const rename = (of: Origin, alias: string) => {
    const name = nameOfSession(of)
    const before = aliases.get(name) ?? of.session
    if (before === alias) return
    aliases.set(name, alias)
    for (const one of known.values()) {
      if (one.unit.agent !== of.agent || one.unit.session !== before) continue
      one.unit = { ...one.unit, session: alias }
      tell(one.unit)
    }
  }

  const dataOf = (entry: Entry): unknown => {
    if (entry.content._tag === "Foreign") return Payload.readData(entry.content.plain.payload)
    if (entry.content._tag !== "Event") return undefined
    const { event } = entry.content
    if (event.kind !== "blob") return event.kind === "unrecognized" ? event.original.data : event.data
    const { mediaType, name } = event.data
    return { name, mediaType, bytes: Either.getOrElse(bytesOf(entry), () => undefined) }
  }

  const bytesOf = (entry: Entry): Either.Either<Uint8Array, string> => {
    if (entry.content._tag !== "Event" || entry.content.event.kind !== "blob")
      return Either.left("This is no artifact with bytes.")
    return join([...(blobs.get(blobOf(entry, entry.content.event))?.values() ?? [])])
  }

  const logs = makeOwnLogs({ ...options, wall, onEntry: ingest, onAlias: rename })
  const { journal } = logs

  const append: ReplicaApi["append"] = (plains, ids) => {
    const log = logs.own()
    if (journal === undefined || log === undefined) {
      return Either.left(
        new JournalFailed({ reason: "read-only", what: "This program only reads: it has no journal." })
      )
    }
    return Either.flatMap(log, (id) =>
      journal.append(id, plains, { seen: new Map(applied), ...(ids === undefined ? {} : { ids }) })
    )
  }

  const find: ReplicaApi["find"] = (group, primaryKey, session) => {
    if (session === undefined || session === scope) {
      for (const event of eventsOf[group]) {
        const unit = known.get(idOf(PROGRAM, scope, event, primaryKey))
        if (unit !== undefined) return unit.unit
      }
    }
    const found = ordered[group].find((id) => {
      const { unit } = known.get(id)!
      return unit.primaryKey === primaryKey && (session === undefined || unit.session === session)
    })
    return found === undefined ? undefined : known.get(found)?.unit
  }

  logs.begin()

  return {
    scope,
    safe: (event) => redactor.event(event).event,
    append,
    units: (group) => ordered[group].map((id) => known.get(id)!.unit),
    unit: (id) => known.get(id)?.unit,
    find,
    bytesOf,
    onChange: (listener) => {
      const each = (unit: Unit) => listener(unit)
      listeners.add(each)
      return () => void listeners.delete(each)
    },
    receive: (origin, entry) => {
      // Of several hubs an entry comes more than once; of our own logs only those come of which the journal let something go.
      const { agent, countsFrom = 0, session } = origin
      ingest({ ...entry, agent, session, n: countsFrom + entry.n, own: own.has(entry.writer) })
    },
    rename,
    journal,
    goOn: () => void logs.own(),
    stop: () => {
      stopped = true
      logs.stop()
    }
  }
}
