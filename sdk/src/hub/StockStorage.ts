/**
 * A storage of ours for the stock handlers of `@effect/experimental` (`EventLogServer.makeHandler`), for programs that
 * have them already. It numbers without holes, answers repeats with their numbers, and is as durable as what it stands on;
 * pages, refusals and retention need our hub. A failure has no place in the stock contract, so it is a defect there: the
 * handler ends that socket.
 */
import type { EntryId, RemoteId } from "@effect/experimental/EventJournal"
import type { EncryptedRemoteEntry } from "@effect/experimental/EventLogEncryption"
import type * as EventLogServer from "@effect/experimental/EventLogServer"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Mailbox from "effect/Mailbox"
import * as Queue from "effect/Queue"
import { PAGE_BYTES } from "../protocol/Limits.ts"
import type { StoredEntry } from "../protocol/Message.ts"
import { decodeStored } from "../protocol/StoredRun.ts"
import { HubStorage } from "./HubStorage.ts"

/** The stock tag by its name: importing its module would bring the stock server along. */
const Storage = Context.GenericTag<EventLogServer.Storage, typeof EventLogServer.Storage.Service>(
  "@effect/experimental/EventLogServer/Storage"
)

/** The stock contract over a storage of ours; it stays the caller's to close. */
export const make = (storage: HubStorage): typeof EventLogServer.Storage.Service => {
  /** Those who follow a log; each is woken by what is new. */
  const followers = new Map<string, Set<Queue.Queue<void>>>()

  /** From a sequence on, with what comes behind it, page by page. */
  const pageFrom = (log: string, from: number) =>
    Effect.gen(function* () {
      const { head, runs } = yield* storage.page(log, from, { bytes: PAGE_BYTES, entries: Number.MAX_SAFE_INTEGER })
      const found: Array<EncryptedRemoteEntry> = []
      for (const { bytes } of runs) found.push(...(yield* decodeStored(bytes)).map(toStock))
      const next = (found.at(-1)?.sequence ?? from - 1) + 1
      return { found, next, done: found.length === 0 || next > head }
    }).pipe(Effect.orDie)

  const write = (log: string, entries: ReadonlyArray<EventLogServer.PersistedEntry>) =>
    Effect.gen(function* () {
      const sequences: Array<number> = []
      for (const run of sameIv(entries)) {
        const appended = yield* storage.append(log, run[0]!.iv, run, false)
        sequences.push(...appended.sequences)
        if (appended.fresh === undefined) continue
        for (const follower of followers.get(log) ?? []) yield* Queue.offer(follower, undefined)
      }
      return entries.map(
        ({ encryptedEntry, entryId, iv }, n): EncryptedRemoteEntry => ({
          sequence: sequences[n]!,
          iv,
          entryId,
          encryptedEntry
        })
      )
    }).pipe(Effect.orDie)

  const entries = (log: string, startSequence: number) =>
    Effect.gen(function* () {
      const all: Array<EncryptedRemoteEntry> = []
      for (let from = Math.max(1, startSequence), done = false; !done; ) {
        const page = yield* pageFrom(log, from)
        all.push(...page.found)
        ;({ done, next: from } = page)
      }
      return all
    })

  const changes = (log: string, startSequence: number) =>
    Effect.gen(function* () {
      const mailbox = yield* Mailbox.make<EncryptedRemoteEntry>()
      // Whatever came meanwhile, one look finds it all.
      const woken = yield* Queue.sliding<void>(1)
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          const others = followers.get(log) ?? new Set()
          followers.set(log, others.add(woken))
        }),
        () =>
          Effect.sync(() => {
            const others = followers.get(log)
            others?.delete(woken)
            if (others?.size === 0) followers.delete(log)
          })
      )
      // All that is there at once, as stock storages have it: a client takes the first Changes for that.
      const before = yield* entries(log, startSequence)
      yield* mailbox.offerAll(before)
      let from = (before.at(-1)?.sequence ?? Math.max(1, startSequence) - 1) + 1
      const follow = Effect.gen(function* () {
        yield* Queue.take(woken)
        for (let done = false; !done; ) {
          const page = yield* pageFrom(log, from)
          yield* mailbox.offerAll(page.found)
          ;({ done, next: from } = page)
        }
      })
      yield* follow.pipe(
        Effect.forever,
        Effect.catchAllCause((cause) => mailbox.failCause(cause)),
        Effect.forkScoped,
        Effect.interruptible
      )
      return mailbox
    })

  return { getId: Effect.sync(() => storage.remoteId as RemoteId), write, entries, changes }
}

/** Over the `HubStorage` that is provided. */
export const layer: Layer.Layer<EventLogServer.Storage, never, HubStorage> = Layer.effect(
  Storage,
  Effect.map(HubStorage, make)
)

const toStock = ({ encryptedEntry, entryId, iv, sequence }: StoredEntry): EncryptedRemoteEntry => ({
  sequence,
  // What a page answers is a view on the page.
  iv: iv.slice(),
  entryId: entryId.slice() as EntryId,
  encryptedEntry: encryptedEntry.slice()
})

/** A write of ours has one iv; stock clients send one too, but their contract allows more. */
const sameIv = (entries: ReadonlyArray<EventLogServer.PersistedEntry>) => {
  const runs: Array<Array<EventLogServer.PersistedEntry>> = []
  for (const entry of entries) {
    const last = runs.at(-1)
    if (last !== undefined && last[0]!.iv.join() === entry.iv.join()) last.push(entry)
    else runs.push([entry])
  }
  return runs
}
