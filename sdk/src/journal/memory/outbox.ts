/** What a journal in memory owes one remote, and how far it has been acknowledged there. */
import type { JournalEntry, Outbox, OwedLog, Reach } from "../Journal.ts"
import { type Guarded, type Hub, type Log, logFrom, type MemoryStore, type Remote, unknownLog } from "./Store.ts"

export const outboxOf = (store: MemoryStore, address: string, own: Uint8Array, guarded: Guarded): Outbox => {
  const remote = () => {
    const known = store.remotes.get(address)
    if (known !== undefined) return known
    const made: Remote = { hubs: new Map(), current: undefined, lease: undefined }
    store.remotes.set(address, made)
    return made
  }
  const hubOf = (remoteId: Uint8Array) => {
    const { hubs } = remote()
    const name = remoteId.join()
    const known = hubs.get(name)
    if (known !== undefined) return known
    const made: Hub = { acked: new Map(), refused: new Map(), lost: new Set(), cursors: new Map() }
    hubs.set(name, made)
    return made
  }
  const logs = () =>
    store.destinations
      .filter(({ remotes }) => remotes.includes(address))
      .flatMap((destination) => destination.logs)
      .sort((a, b) => Number(b.kind === "index") - Number(a.kind === "index") || a.age - b.age)
  const logOf = ({ log: id, writer }: OwedLog) => {
    const log = logs().find((each) => each.id === id && each.writer.join() === writer.join())
    if (log === undefined) throw unknownLog(id)
    return log
  }
  const isOwed = (log: Log, hub: Hub | undefined) => {
    const { last } = log.head
    const acked = hub?.acked.get(log) ?? 0
    if (acked >= last || hub?.refused.has(log) === true) return false
    if (log.kind === "index" || acked > 0 || hub === undefined) return true
    return ![...remote().hubs.values()].some((earlier) => (earlier.acked.get(log) ?? 0) >= last)
  }

  const waiting = (of: Reach | undefined) => {
    const hub = remote().current
    const upTo = ({ head, id, writer }: Log) =>
      of === undefined ? head.last : writer.join() === own.join() ? Math.min(of.get(id) ?? 0, head.last) : 0
    return logs()
      .filter((log) => isOwed(log, hub))
      .reduce((sum, log) => sum + Math.max(0, upTo(log) - (hub?.acked.get(log) ?? 0)), 0)
  }

  return {
    lease: (owner, forMs) =>
      guarded(() => {
        const now = Date.now()
        const { lease } = remote()
        // A lease that begins in the future is of before the clock was set back.
        if (lease !== undefined && lease.owner !== owner && lease.since <= now && now < lease.until) return false
        remote().lease = { owner, since: now, until: now + forMs }
        return true
      }),
    release: (owner) =>
      guarded(() => {
        if (remote().lease?.owner === owner) remote().lease = undefined
      }),
    owed: (remoteId) =>
      guarded(() => {
        const hub = hubOf(remoteId)
        remote().current = hub
        return logs()
          .filter((log) => isOwed(log, hub))
          .map((log) => ({
            log: log.id,
            writer: log.writer,
            keep: log.kind === "index",
            acked: hub.acked.get(log) ?? 0,
            last: log.head.last
          }))
      }),
    page: (log, n, limits) =>
      guarded(() => {
        const page: Array<JournalEntry> = []
        let bytes = 0
        for (const entry of logFrom(logOf(log), n).slice(0, limits.entries)) {
          bytes += entry.sealed.byteLength
          if (page.length > 0 && bytes > limits.bytes) break
          page.push(entry)
        }
        return page
      }),
    acked: (remoteId, owed, n) =>
      guarded(() => {
        const { acked } = hubOf(remoteId)
        const log = logOf(owed)
        acked.set(log, Math.max(Math.min(n, log.head.last), acked.get(log) ?? 0))
      }),
    refused: (remoteId, owed, { code }) => guarded(() => void hubOf(remoteId).refused.set(logOf(owed), code)),
    // Nobody else asks.
    held: () => guarded(() => undefined),
    setBack: (remoteId, owed) =>
      guarded(() => {
        const hub = hubOf(remoteId)
        const log = logOf(owed)
        if (hub.acked.has(log) || hub.refused.has(log)) hub.lost.add(log)
      }),
    lost: () =>
      guarded(() => {
        const hub = remote().current
        const isLost = (log: Log) =>
          hub?.lost.has(log) === true || ((hub?.acked.get(log) ?? 0) < log.head.last && !isOwed(log, hub))
        return logs().filter((log) => hub?.refused.has(log) !== true && isLost(log)).length
      }),
    again: () =>
      guarded(() => {
        for (const hub of remote().hubs.values()) {
          const isCurrent = hub === remote().current
          for (const log of [...hub.acked.keys(), ...hub.refused.keys()]) {
            if (isCurrent && hub.refused.has(log)) continue
            for (const kept of [hub.acked, hub.refused, hub.lost]) kept.delete(log)
          }
        }
        return waiting(undefined)
      }),
    waiting: (of) => guarded(() => waiting(of)),
    cursor: (remoteId, log) => guarded(() => hubOf(remoteId).cursors.get(log) ?? 0),
    moveCursor: (remoteId, log, sequence) => guarded(() => void hubOf(remoteId).cursors.set(log, sequence))
  }
}
