/**
 * Compacts what hubs hold of this journal's logs: a signed snapshot goes up like any entry, and once every hub has it, each is
 * told to let go of what it stands for. Two steps, each safe to stop after: what was not trimmed yet is found in the
 * journal by the next round. Never an index, and never a log in which others have written, since nobody can speak for them.
 */
import * as Either from "effect/Either"
import type { Aead } from "../crypto/Aead.ts"
import * as Envelope from "../crypto/Envelope.ts"
import * as Sealer from "../crypto/Sealer.ts"
import type { LogId } from "../domain/Ids.ts"
import * as Payload from "../domain/Payload.ts"
import { type Journal, JournalFailed, type OwnLog } from "../journal/Journal.ts"
import { PAGE_ENTRIES } from "../protocol/Limits.ts"
import { type Rule, upToOf } from "./Rule.ts"
import { carriedOf, isBeginning, type Own, partsOf } from "./snapshot.ts"

/** Where a log ends at a hub. */
export interface Head {
  readonly head: number
  /** 32 bytes. */
  readonly chain: Uint8Array
}

/** A hub as its administrator has it. Failures are sentences. */
export interface AdministeredHub {
  /** Its address, as the journal names it. */
  readonly remote: string
  readonly heads: (
    logs: ReadonlyArray<LogId>
  ) => Promise<Either.Either<{ readonly remoteId: Uint8Array; readonly heads: ReadonlyMap<LogId, Head> }, string>>
  /** Lets go of what is below `floor`. */
  readonly trim: (log: LogId, floor: number) => Promise<Either.Either<void, string>>
}

export interface HubCompactionOptions {
  readonly journal: Journal
  readonly aead: Aead
  readonly hubs: ReadonlyArray<AdministeredHub>
  readonly rules: ReadonlyArray<Rule>
  readonly now: () => number
  readonly onTrouble: (what: string) => void
}

/** What one round did. */
export interface Round {
  /** Logs that got a snapshot; the next round lets hubs trim them. */
  readonly snapshots: number
  readonly trimmed: number
}

type Heads = ReadonlyArray<{
  readonly hub: AdministeredHub
  readonly remoteId: Uint8Array
  readonly heads: ReadonlyMap<LogId, Head>
}>

/** One round over all logs. Never rejects. */
export const compactHub = async (options: HubCompactionOptions): Promise<Round> => {
  const { hubs, journal, now, onTrouble, rules } = options
  let snapshots = 0
  let trimmed = 0
  const found = Either.flatMap(journal.logs(), (logs) =>
    Either.all(
      logs
        .filter(({ kind, last }) => kind === "session" && last > 1)
        .map((log) => Either.map(upToOf(journal, log, rules, now()), (upTo) => ({ log, upTo })))
    )
  )
  if (Either.isLeft(found)) {
    onTrouble(found.left.message)
    return { snapshots, trimmed }
  }
  const due = found.right.filter(({ upTo }) => upTo > 1)
  if (due.length === 0 || hubs.length === 0) return { snapshots, trimmed }

  const heads: Array<Heads[number]> = []
  for (const hub of hubs) {
    const asked = await hub.heads(due.map(({ log }) => log.id))
    if (Either.isLeft(asked)) {
      onTrouble(`${hub.remote} is not compacted: ${asked.left}`)
      return { snapshots, trimmed }
    }
    heads.push({ hub, ...asked.right })
  }
  for (const { log, upTo } of due) {
    const done = await compactLog(options, heads, log, upTo)
    if (Either.isLeft(done)) onTrouble(done.left.message)
    else if (done.right === "snapshot") snapshots++
    else if (done.right === "trimmed") trimmed++
  }
  return { snapshots, trimmed }
}

const compactLog = async (
  { aead, journal, onTrouble }: HubCompactionOptions,
  hubs: Heads,
  log: OwnLog,
  upTo: number
): Promise<Either.Either<"snapshot" | "trimmed" | "nothing", JournalFailed>> => {
  for (const { hub, remoteId } of hubs) {
    const owed = journal.outbox(hub.remote).owed(remoteId)
    if (Either.isLeft(owed)) return Either.left(owed.left)
    // What a hub does not have yet it cannot let go of; it is sent first.
    if (owed.right.some((one) => one.log === log.id)) return Either.right("nothing")
  }
  const read = openOwn(journal, aead, log)
  if (Either.isLeft(read)) return Either.left(read.left)
  const own = read.right
  const newest = own.findLast(({ envelope, n }) => isBeginning(Payload.decode(envelope.plain), n))
  const snapshot = newest === undefined ? undefined : Payload.decode(newest.envelope.plain)
  const stands = snapshot?._tag === "Snapshot" ? snapshot.snapshot : undefined
  const begins = newest?.n ?? 0
  const ends = begins === 0 ? 1 : begins + (stands?.part[1] ?? 0)
  const isWhole = begins === 0 ? log.forgot === 0 : log.forgot < begins
  if (!isWhole) {
    onTrouble(`Log ${log.id} is not compacted at its hubs: the journal let go of entries that no snapshot stands for.`)
    return Either.right("nothing")
  }
  const named = (remoteId: Uint8Array) => stands?.hubs.some((one) => isSame(one.remoteId, remoteId)) === true
  const first = own.find(({ n }) => n > 1)?.n ?? 0
  if (stands !== undefined && first < begins && hubs.every(({ remoteId }) => named(remoteId))) {
    for (const { hub } of hubs) {
      const gone = await hub.trim(log.id, begins)
      if (Either.isLeft(gone)) {
        onTrouble(`${hub.remote} does not let go of what a snapshot of log ${log.id} stands for: ${gone.left}`)
        return Either.right("nothing")
      }
    }
    return Either.map(journal.forget(log.id, begins - 1), () => "trimmed")
  }

  // Behind a snapshot, so many are let go of that writing it again is worth it.
  const loose = upTo - ends
  const carried = carriedOf(own, upTo)
  if (loose < 1 || 2 * loose < log.last - upTo || 8 * loose < carried.length) return Either.right("nothing")
  const standing = hubs.map(({ heads, remoteId }) => ({ remoteId, told: heads.get(log.id) }))
  // Its numbers are ours only where nobody else wrote there, and nothing of ours since it was asked.
  if (standing.some(({ told }) => told?.head !== log.last)) return Either.right("nothing")
  const now = Either.map(journal.logs(), (logs) => logs.find(({ id }) => id === log.id)?.last)
  if (Either.isLeft(now)) return Either.left(now.left)
  if (now.right !== log.last) return Either.right("nothing")
  const chains = standing.flatMap(({ remoteId, told }) => (told === undefined ? [] : [{ remoteId, chain: told.chain }]))
  const parts = partsOf(carried, { upTo: log.last, hubs: chains })
  return Either.map(journal.append(log.id, parts, { signed: true }), () => "snapshot")
}

const openOwn = (journal: Journal, aead: Aead, log: OwnLog): Either.Either<ReadonlyArray<Own>, JournalFailed> =>
  Either.gen(function* () {
    const keys = Sealer.makeKeyring()
    keys.add(log.key)
    const own: Array<Own> = []
    for (let next = 1; next <= log.last; ) {
      const page = yield* journal.read(log.id, next, PAGE_ENTRIES)
      for (const { entryId, n, sealed } of page) {
        const opened = Either.flatMap(Sealer.open(aead, keys, { log: log.id, entryId }, sealed), Envelope.decode)
        if (Either.isLeft(opened)) {
          const what = `Log ${log.id} is not compacted at its hubs: its entry ${n} in the journal does not open.`
          return yield* Either.left(new JournalFailed({ reason: "damaged", what, cause: opened.left }))
        }
        own.push({ n, entryId, envelope: opened.right })
      }
      next = (page.at(-1)?.n ?? log.last) + 1
    }
    return own
  })

const isSame = (a: Uint8Array, b: Uint8Array) => a.byteLength === b.byteLength && a.every((byte, i) => byte === b[i])
