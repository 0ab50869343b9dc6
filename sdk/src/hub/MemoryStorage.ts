/** A storage that forgets: for tests, and for a hub that is to leave nothing behind. */
import { bytesToHex } from "@noble/hashes/utils.js"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import { empty } from "../crypto/Chain.ts"
import { HubStorage, type LogInfo, StorageFailed } from "./HubStorage.ts"
import { numbered } from "./numbered.ts"
import { pageOf } from "./pageOf.ts"
import { makeRemoteId } from "./RemoteId.ts"
import type { Segment } from "./Segment.ts"

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

export const make = (): HubStorage => {
  const logs = new Map<string, Log>()
  const retired = new Set<string>()
  const revocations = new Map<string, number>()
  let remoteId = makeRemoteId()
  return {
    get remoteId() {
      return remoteId
    },
    kind: "memory",
    append: (name, iv, entries, keep) => {
      if (retired.has(name)) return Either.left(isRetired())
      const log = logs.get(name) ?? emptyLog()
      return Either.map(
        numbered(log, iv, entries, (id) => log.ids.get(bytesToHex(id))),
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
      if (retired.has(name)) return Either.left(isRetired())
      const log = logs.get(name) ?? emptyLog()
      return pageOf(log, from, limits, (sequence) => segmentAt(log.segments, sequence))
    },
    logs: () =>
      Either.right(
        [...logs].map(([log, one]): LogInfo => {
          const { bytes, head, keep, lastWrite } = one
          return { log, head, keep, entries: head, bytes, lastWrite, floor: 1 }
        })
      ),
    kept: () => Either.right([...logs.values()].filter(({ keep }) => keep).length),
    retire: (names, { kept = false } = {}) => {
      const before = retired.size
      for (const name of names) {
        const log = logs.get(name)
        if (log === undefined || (log.keep && !kept)) continue
        logs.delete(name)
        retired.add(name)
      }
      return Either.right(retired.size - before)
    },
    erase: () => {
      for (const all of [logs, retired, revocations]) all.clear()
      remoteId = makeRemoteId()
      return Either.right(undefined)
    },
    revoke: (id, until) => {
      revocations.set(id, Math.max(until, revocations.get(id) ?? 0))
      return Either.right(undefined)
    },
    revoked: (now) => {
      for (const [id, until] of revocations) if (until <= now) revocations.delete(id)
      return Either.right([...revocations].map(([id, until]) => ({ id, until })))
    },
    close: () => {}
  }
}

export const layer: Layer.Layer<HubStorage> = Layer.sync(HubStorage, make)

const isRetired = () => new StorageFailed({ reason: "retired", what: "This log was retired." })

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
