/** A storage that forgets: for tests, and for a hub that is to leave nothing behind. */
import { bytesToHex } from "@noble/hashes/utils.js"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import { empty } from "../crypto/Chain.ts"
import { HubStorage, type LogInfo, retired } from "./HubStorage.ts"
import { numbered } from "./numbered.ts"
import { pageOf } from "./pageOf.ts"
import { makeRemoteId } from "./RemoteId.ts"
import type { Segment } from "./Segment.ts"
import { floorOf, trimming } from "./trim.ts"

interface Log {
  head: number
  chain: Uint8Array
  keep: boolean
  bytes: number
  lastWrite: number
  readonly segments: Array<Segment>
  /** Sequences by entry id in hex. */
  readonly ids: Map<string, number>
}

/** One tenant's; forgets at exit. */
export const make = (): HubStorage => {
  const logs = new Map<string, Log>()
  const tombstones = new Set<string>()
  const revoked = new Map<string, number>()
  let remoteId = makeRemoteId()
  return {
    get remoteId() {
      return remoteId
    },
    kind: "memory",
    append: (name, iv, entries, keep, refusal) => {
      if (tombstones.has(name)) return Either.left(retired())
      const log = logs.get(name) ?? emptyLog()
      return Either.map(
        numbered(log, iv, entries, (id) => log.ids.get(bytesToHex(id)), refusal),
        ({ appended, entries: fresh, segments }) => {
          if (entries.length === 0) return appended
          log.keep ||= keep
          if (fresh.length > 0) {
            logs.set(name, log)
            log.head = appended.head
            log.chain = appended.chain
            log.lastWrite = Date.now()
            for (const { entryId, sequence } of fresh) log.ids.set(bytesToHex(entryId), sequence)
            for (const segment of segments) {
              log.segments.push(segment)
              log.bytes += segment.bytes.byteLength
            }
          }
          return appended
        }
      )
    },
    page: (name, from, limits) => {
      if (tombstones.has(name)) return Either.left(retired())
      const log = logs.get(name) ?? emptyLog()
      return pageOf(log, from, limits, (sequence) => segmentAt(log.segments, sequence))
    },
    logs: () =>
      Either.right(
        [...logs].map(([log, one]): LogInfo => {
          const { bytes, head, keep, lastWrite, segments } = one
          const floor = floorOf(segments[0])
          return { log, head, floor, keep, entries: head - floor + 1, bytes, lastWrite }
        })
      ),
    kept: () => Either.right([...logs.values()].filter(({ keep }) => keep).length),
    retire: (names, options) => {
      const found = new Set(names.filter((name) => logs.has(name) && (options?.kept === true || !logs.get(name)!.keep)))
      for (const name of found) {
        logs.delete(name)
        tombstones.add(name)
      }
      return Either.right(found.size)
    },
    trim: (name, floor) => {
      if (tombstones.has(name)) return Either.left(retired())
      const log = logs.get(name)
      if (log === undefined || log.keep) return Either.right(undefined)
      return Either.map(
        trimming(log.head, floor, (sequence) => segmentAt(log.segments, sequence)),
        (what) => {
          if (what === undefined) return floorOf(log.segments[0])
          const stays = log.segments.filter((one) => one.first >= what.floor)
          log.segments.splice(
            0,
            log.segments.length,
            what.gone,
            ...(what.cut === undefined ? [] : [what.cut.to]),
            ...stays
          )
          log.bytes -= what.bytes
          return what.floor
        }
      )
    },
    erase: () => {
      logs.clear()
      tombstones.clear()
      revoked.clear()
      remoteId = makeRemoteId()
      return Either.right(undefined)
    },
    revoke: (id, until) => {
      revoked.set(id, Math.max(until, revoked.get(id) ?? until))
      return Either.right(undefined)
    },
    revoked: (now) => {
      for (const [id, until] of revoked) if (until <= now) revoked.delete(id)
      return Either.right([...revoked].map(([id, until]) => ({ id, until })).toSorted((a, b) => (a.id < b.id ? -1 : 1)))
    },
    close: () => {}
  }
}

/** The same as a layer. */
export const layer: Layer.Layer<HubStorage> = Layer.sync(HubStorage, make)

const emptyLog = (): Log => ({
  head: 0,
  chain: empty,
  keep: false,
  bytes: 0,
  lastWrite: 0,
  segments: [],
  ids: new Map()
})

/** By bisection: the last segment that does not begin after `sequence`. */
const segmentAt = (segments: ReadonlyArray<Segment>, sequence: number): Segment | undefined => {
  let low = 0
  let high = segments.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (segments[middle]!.first <= sequence) low = middle + 1
    else high = middle
  }
  return segments[low - 1]
}
