/**
 * A session's log to take along: its sealed entries as they lie at the hub, what opens them, and its writers' signing keys.
 * As text it fits into an exported file (`readProof` reads it back), and whoever has it can examine it without a hub. It
 * holds the log's key: it says all that the session says.
 */
import { bytesToHex } from "@noble/hashes/utils.js"
import { base64urlnopad } from "@scure/base"
import * as Either from "effect/Either"
import { type Aead, aead as portableAead } from "../crypto/Aead.ts"
import * as Envelope from "../crypto/Envelope.ts"
import * as Sealer from "../crypto/Sealer.ts"
import type { LogId } from "../domain/Ids.ts"
import * as Payload from "../domain/Payload.ts"
import { makeSession } from "../domain/Session.ts"
import { IV_BYTES } from "../protocol/Limits.ts"
import type { SealedEntry } from "../protocol/Message.ts"
import type { Examined } from "./examine.ts"
import { restoredOf } from "./snapshot.ts"

/** A writer, and the key by which its signatures are checked. */
export interface ProvenWriter {
  /** 16 bytes, as envelopes name it. */
  readonly id: Uint8Array
  /** Ed25519 public key, 32 bytes. */
  readonly signer: Uint8Array
  readonly host: string | undefined
}

/** A session's log as it was sealed, with what opens it: enough to check it without a hub. */
export interface SessionProof {
  readonly log: LogId
  /** 32 bytes; opens the log. */
  readonly key: Uint8Array
  /** As whoever made the proof knew them, from the tenant's index or a share link. */
  readonly writers: ReadonlyArray<ProvenWriter>
  /** In the hub's order; in the writer's own where it comes from a journal. */
  readonly entries: ReadonlyArray<SealedEntry>
  /** The hub's own chain over them, where they are all that it had. */
  readonly hub?: { readonly batches: ReadonlyArray<number>; readonly chain: Uint8Array }
}

/** How a file shows its proof: enough to draw it again, to the letter, and compare. Under no signature: none of it is told. */
export interface Shown {
  readonly session: string
  /** Milliseconds since 1970, when it was written. */
  readonly now: number
  /** The time zone of the times in it, as the IANA names it. */
  readonly zone: string
  /** It shows also what a later event updated. */
  readonly history: boolean
  /** The version of agent-sync that drew it. */
  readonly version: string
}

export const PROOF_FORMAT = 1

/** JSON, with bytes as base64url. */
export const printProof = ({ entries, hub, key, log, writers }: SessionProof, shown: Shown): string =>
  JSON.stringify({
    proof: PROOF_FORMAT,
    shown,
    log,
    key: text(key),
    writers: writers.map(({ host, id, signer }) => ({ id: text(id), signer: text(signer), host })),
    ...(hub === undefined ? {} : { hub: { batches: hub.batches, chain: text(hub.chain) } }),
    entries: entries.map(({ encryptedEntry, entryId }) => [text(entryId), text(encryptedEntry)])
  })

const text = (bytes: Uint8Array) => base64urlnopad.encode(bytes)

/** An entry that opened. */
export interface ProvenEntry {
  readonly sequence: number
  /** Hex of the writer's id. */
  readonly writer: string
  readonly content: Payload.Decoded
}

/**
 * What opens of a proof's entries, in order, each of a writer's once, and what a snapshot carries of those that are not there; the
 * rest is `examineProof`'s to name (`readProof.ts`).
 */
export const provenEntries = (proof: SessionProof, aead: Aead = portableAead): ReadonlyArray<ProvenEntry> => {
  const told = new Set<string>()
  const isNew = (writer: string, n: number) => {
    const name = `${writer} ${n}`
    const fresh = !told.has(name)
    told.add(name)
    return fresh
  }
  return openAll(proof, aead).flatMap(({ entry, envelope }): ReadonlyArray<ProvenEntry> => {
    if (Either.isLeft(envelope)) return []
    const { n, plain, writer: id } = envelope.right
    const writer = bytesToHex(id)
    if (!isNew(writer, n)) return []
    const content = Payload.decode(plain)
    if (content._tag !== "Snapshot") return [{ sequence: entry.sequence, writer, content }]
    return restoredOf(content.snapshot, 0)
      .filter((one) => isNew(writer, one.n))
      .map((one) => ({ sequence: one.n, writer, content: one.content }))
  })
}

/** What the session is called by what is in its log: the agent's own title, its first prompt, or else its id. */
export const provenTitle = (entries: ReadonlyArray<ProvenEntry>): string => {
  const fold = makeSession()
  let named: string | undefined
  for (const { content, writer } of entries) {
    if (content._tag === "Event") fold.add(content.event, writer)
    if (content._tag === "Header") named ??= content.header.title ?? content.header.session
  }
  return fold.view.title ?? named ?? "A session"
}

const iv = new Uint8Array(IV_BYTES)

export const openAll = ({ entries, key, log }: SessionProof, aead: Aead): ReadonlyArray<Examined> => {
  const keys = Sealer.makeKeyring()
  keys.add(key)
  return entries.map(({ encryptedEntry, entryId }, at) => ({
    entry: { sequence: at + 1, iv, entryId, encryptedEntry },
    envelope: Either.flatMap(Sealer.open(aead, keys, { log, entryId }, encryptedEntry), Envelope.decode)
  }))
}
