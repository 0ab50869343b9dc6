/**
 * The layout that both kinds of seal share (house §7.6): `version u8 ‖ kind u8 ‖ key id 8` and then what the kind
 * adds: a nonce of 12 bytes (kind 0, `Sealer.ts`) or an encapsulated key of 32 (kind 1, `WriterKey.ts`), and the
 * ciphertext. Also what every seal is bound to, so that bytes moved to another place do not open.
 */
import { sha256 } from "@noble/hashes/sha2.js"
import { concatBytes, utf8ToBytes } from "@noble/hashes/utils.js"
import * as Either from "effect/Either"
import type { LogId } from "../domain/Ids.ts"
import { NONCE_BYTES, TAG_BYTES } from "./Aead.ts"
import { CannotOpen } from "./CannotOpen.ts"
import { logIdBytes } from "./LogKey.ts"

/** Where an entry lies. `entryId` is 16 bytes. */
export interface Place {
  readonly log: LogId
  readonly entryId: Uint8Array
}

/** Who can open it: holders of a log or index key (AES-256-GCM), or of the reader key (HPKE to the recorder key). */
export type Kind = "key" | "recorder"

export const VERSION = 1
export const KEY_ID_BYTES = 8
export const ENCAPSULATED_BYTES = 32
export const HEADER_BYTES = 2 + KEY_ID_BYTES

const KINDS: ReadonlyArray<Kind> = ["key", "recorder"]
const SMALLEST: Record<Kind, number> = {
  key: HEADER_BYTES + NONCE_BYTES + TAG_BYTES,
  recorder: HEADER_BYTES + ENCAPSULATED_BYTES + TAG_BYTES
}
const KEY_LABEL = utf8ToBytes("agent-sync key 1")
const ENTRY_LABEL = utf8ToBytes("agent-sync entry 1")

/** 8 bytes that name a key: of SHA-256(label ‖ key). They say nothing of a random key of 32 bytes. */
export const keyId = (key: Uint8Array): Uint8Array => sha256(concatBytes(KEY_LABEL, key)).subarray(0, KEY_ID_BYTES)

export const header = (kind: Kind, id: Uint8Array): Uint8Array =>
  concatBytes(Uint8Array.of(VERSION, KINDS.indexOf(kind)), id)

/** The additional data of both kinds: label ‖ log public key 16 ‖ entry id 16 ‖ header 10. */
export const boundTo = (place: Place, head: Uint8Array): Uint8Array =>
  concatBytes(labelOf(place.log), place.entryId, head)

/** Entries come log by log, and an id as bytes costs as much as the rest. */
let labelled: { readonly log: LogId; readonly label: Uint8Array } | undefined
const labelOf = (log: LogId): Uint8Array => {
  if (labelled?.log !== log) labelled = { log, label: concatBytes(ENTRY_LABEL, logIdBytes(log)) }
  return labelled.label
}

/** Undefined for bytes that this version cannot open. */
export const kindOf = (sealed: Uint8Array): Kind | undefined =>
  sealed[0] === VERSION ? KINDS[sealed[1] ?? KINDS.length] : undefined

/** The id of the key that opens it; fewer than 8 bytes where `sealed` is cut short. */
export const keyIdOf = (sealed: Uint8Array): Uint8Array => sealed.subarray(2, HEADER_BYTES)

/** Checks that these bytes can be a seal of ours and of this kind; whether they open shows only when they are opened. */
export const expect = (kind: Kind, sealed: Uint8Array): Either.Either<Uint8Array, CannotOpen> => {
  const [version, kindByte] = sealed
  if (version === undefined || version === 0) {
    return cannot("not an envelope", "This entry was not sealed by agent-sync.")
  }
  if (version > VERSION || (kindByte ?? 0) >= KINDS.length) {
    return cannot("newer", "This entry was sealed by a newer agent-sync; upgrade to read it.")
  }
  const found = kindOf(sealed)
  if (found === undefined || sealed.byteLength < SMALLEST[found]) {
    return cannot("damaged", `This entry is cut short: only ${sealed.byteLength} bytes of it are there.`)
  }
  if (found !== kind) {
    return cannot(
      "other key",
      found === "recorder"
        ? "This entry is sealed to the tenant's recorder key; only the reader key opens it."
        : "This entry is sealed with a log or index key, not to the recorder key."
    )
  }
  return Either.right(sealed.subarray(0, HEADER_BYTES))
}

export const cannot = (reason: CannotOpen["reason"], what: string): Either.Either<never, CannotOpen> =>
  Either.left(new CannotOpen({ reason, what }))
