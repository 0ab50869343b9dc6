/**
 * The index log as a holder of the reader key reads it: opens its entries, and learns from them who writes, which sessions
 * there are and what opens their logs. Whose word counts is decided here, for whoever shows a tenant (`TenantReader`)
 * and whoever examines it (`Verifier`).
 */
import { bytesToHex } from "@noble/hashes/utils.js"
import * as Either from "effect/Either"
import type { Aead } from "../crypto/Aead.ts"
import { CannotOpen } from "../crypto/CannotOpen.ts"
import * as Envelope from "../crypto/Envelope.ts"
import * as Sealer from "../crypto/Sealer.ts"
import { indexLog, type ReaderKey, readerKeyFrom } from "../crypto/TenantKey.ts"
import { openAsReader } from "../crypto/WriterKey.ts"
import type { Figures } from "../domain/AuditEvent.ts"
import type { LogId, SessionId } from "../domain/Ids.ts"
import type { IndexEvent, LogTold, Origin, State } from "../domain/IndexEvent.ts"
import * as Payload from "../domain/Payload.ts"
import type { SealedEntry } from "../protocol/Message.ts"

/** A session as the index tells it. */
export interface KnownSession {
  readonly log: LogId
  readonly key: Uint8Array
  /** Hex of the writer that started the log; only its word about the log counts. */
  readonly writer: string
  readonly origin: Origin
  readonly startedAt: number
  readonly title: string | undefined
  readonly state: State
  /** When the index last said something of it, by the writer's clock, in milliseconds since 1970. */
  readonly told: number
  /** The id the agent told after the log had begun. */
  readonly alias: SessionId | undefined
  readonly figures: Figures | undefined
  /** The index that tells of it: another than the reader's own where it was recorded under a key of before. Undefined where a link tells of it. */
  readonly index: LogId | undefined
}

/** A session of which nothing is known but how it began, at `time`. */
export const begunSession = (
  of: Pick<KnownSession, "log" | "key" | "writer" | "origin" | "index">,
  time: number
): KnownSession => ({
  ...of,
  startedAt: time,
  title: of.origin.title,
  state: "running",
  told: time,
  alias: undefined,
  figures: undefined
})

/** A writer as it introduced itself. */
export interface KnownWriter {
  /** Ed25519 public key. */
  readonly signer: Uint8Array
  readonly host: string | undefined
}

/** What an entry of the index came to. */
export type Taken =
  | { readonly _tag: "Session"; readonly session: KnownSession; readonly change: "started" | "changed" }
  | { readonly _tag: "Writer" }
  /** The tenant's keys were changed: `secret` is the reader key before. It counts only as an index's first entry. */
  | { readonly _tag: "Rotated"; readonly secret: Uint8Array; readonly time: number }
  /** It speaks for a writer that did not seal it. It counts for nothing. */
  | { readonly _tag: "Impostor" }
  /** Known already, about a log of another writer's, or of a version to come. */
  | { readonly _tag: "Nothing" }

export interface TenantIndex {
  readonly log: LogId
  /** Opens index entries, and the logs whose keys are put there. */
  readonly keys: Sealer.Keyring
  /** By the hex of the writer's id. */
  readonly writers: ReadonlyMap<string, KnownWriter>
  readonly sessions: ReadonlyMap<LogId, KnownSession>
  /** Total; entries are opened in their order, since earlier ones bring the keys of later ones. */
  readonly open: (entry: SealedEntry) => Promise<Either.Either<Envelope.Envelope, CannotOpen>>
  /** Learns from an entry that was opened. */
  readonly take: (entry: SealedEntry, envelope: Envelope.Envelope) => Taken
}

/** Indexes that are read of one tenant at most: the reader's own, and those before it. */
export const MOST_INDEXES = 64
const READER_KEY_BYTES = 32

/** The reader key that a change of keys tells of; undefined where it is none. */
export const keyBefore = (secret: Uint8Array): ReaderKey | undefined =>
  secret.byteLength === READER_KEY_BYTES ? readerKeyFrom(secret.slice()) : undefined

type Introduction = Extract<IndexEvent, { readonly _tag: "index.writer" }>

export const makeTenantIndex = (options: {
  readonly reader: ReaderKey
  readonly aead: Aead
  /** Shared where several indexes are read; one of its own where it is not given. */
  readonly keys?: Sealer.Keyring
}): TenantIndex => {
  const { aead, keys = Sealer.makeKeyring(), reader } = options
  const log = indexLog(reader.recorder)
  /** Index keys by key id (hex), and whose they are: a writer cannot speak as another. */
  const owners = new Map<string, string>()
  const writers = new Map<string, KnownWriter>()
  const sessions = new Map<LogId, KnownSession>()

  /**
   * Anyone with the recorder key can seal an introduction. A writer's own is its first entry and comes before all
   * that is known of it, so a later one with other keys is somebody else's.
   */
  const introduce = ({ host, key, signer, writer: id }: Introduction, writer: string, n: number): Taken => {
    if (bytesToHex(id) !== writer || n !== 1) return impostor
    const owner = owners.get(ownerOf(key))
    const known = writers.get(writer)
    if (known !== undefined || owner !== undefined) {
      return owner === writer && isSame(known?.signer, signer) ? nothing : impostor
    }
    keys.add(key)
    owners.set(ownerOf(key), writer)
    writers.set(writer, { signer, host })
    return { _tag: "Writer" }
  }

  const apply = (event: LogTold, writer: string): Taken => {
    const known = sessions.get(event.log)
    if (event._tag === "index.started") {
      const { _tag, log: told, key, time, ...origin } = event
      if (known !== undefined) {
        // Two processes of one writer began it at once, and only one of them knows where it runs.
        const { cwd } = origin
        if (known.writer !== writer || known.origin.cwd !== undefined || cwd === undefined) return nothing
        const placed: KnownSession = { ...known, origin: { ...known.origin, cwd } }
        sessions.set(told, placed)
        return { _tag: "Session", session: placed, change: "changed" }
      }
      const session = begunSession({ log: told, key, writer, origin, index: log }, time)
      sessions.set(told, session)
      return { _tag: "Session", session, change: "started" }
    }
    if (known === undefined || known.writer !== writer) return nothing
    const { cwd = event._tag === "index.changed" ? event.cwd : undefined } = known.origin
    const session: KnownSession = {
      ...known,
      origin: cwd === known.origin.cwd ? known.origin : { ...known.origin, cwd },
      title: event.title ?? known.title,
      state: event.state,
      told: event.time,
      alias: event._tag === "index.changed" ? (event.alias ?? known.alias) : known.alias,
      figures: event._tag === "index.checkpoint" ? event.figures : known.figures
    }
    sessions.set(event.log, session)
    return { _tag: "Session", session, change: "changed" }
  }

  return {
    log,
    keys,
    writers,
    sessions,
    open: async ({ encryptedEntry, entryId }) => {
      const place = { log, entryId }
      const plain = isFromRecorder(encryptedEntry)
        ? await openAsReader(reader, place, encryptedEntry).catch(withoutX25519)
        : Sealer.open(aead, keys, place, encryptedEntry)
      return Either.flatMap(plain, Envelope.decode)
    },
    take: ({ encryptedEntry }, { n, plain, writer: id }) => {
      const writer = bytesToHex(id)
      const content = Payload.decode(plain)
      const event = content._tag === "Index" ? content.event : undefined
      if (isFromRecorder(encryptedEntry)) {
        if (event?._tag === "index.rotated") return { _tag: "Rotated", secret: event.reader, time: event.time }
        return event?._tag === "index.writer" ? introduce(event, writer, n) : impostor
      }
      if (owners.get(bytesToHex(Sealer.keyIdOf(encryptedEntry))) !== writer) return impostor
      return event === undefined || event._tag === "index.writer" || event._tag === "index.rotated"
        ? nothing
        : apply(event, writer)
    }
  }
}

const impostor: Taken = { _tag: "Impostor" }
const nothing: Taken = { _tag: "Nothing" }

const ownerOf = (key: Uint8Array) => bytesToHex(Sealer.keyId(key))

const isSame = (a: Uint8Array | undefined, b: Uint8Array) => a !== undefined && bytesToHex(a) === bytesToHex(b)

const isFromRecorder = (sealed: Uint8Array) => Sealer.kindOf(sealed) === "recorder"

/** An old browser, or a page without a secure context: the entry is told as one that cannot be opened here. */
const withoutX25519 = () =>
  Either.left(
    new CannotOpen({
      reason: "other key",
      what: "This platform has no X25519, so it cannot open entries sealed to the recorder key."
    })
  )
