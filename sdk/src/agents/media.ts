/** Images and documents inside a record: their bytes become an artifact of their own, the message refers to it. */
import { sha256 } from "@noble/hashes/sha2.js"
import { bytesToHex } from "@noble/hashes/utils.js"
import { base64 } from "@scure/base"
import type { AgentEvent } from "../domain/AgentEvent.ts"
import type { Part } from "../domain/ChatEvent.ts"
import type { Stamp } from "./Stamp.ts"

export interface Media {
  readonly mediaType: string
  /** The bytes as base64. */
  readonly data: string
}

/** The bytes as a `blob` event; nothing where they cannot be read. */
export const blobOf = ({ data, mediaType }: Media, stamp: Stamp, key: string): AgentEvent | undefined => {
  let bytes: Uint8Array
  try {
    bytes = base64.decode(data)
  } catch {
    return undefined
  }
  return {
    ...stamp(key),
    group: "artifact",
    kind: "blob",
    data: { mediaType, size: bytes.length, digest: bytesToHex(sha256(bytes)), bytes }
  }
}

/** What stands for it in a message; `blob` is its event, where there is one. */
export const refOf = (media: Media, blob: AgentEvent | undefined): Part =>
  blob?.kind === "blob"
    ? { type: "image", mediaType: media.mediaType, size: blob.data.size, blob: blob.key }
    : { type: "image", mediaType: media.mediaType, size: Math.floor((media.data.length * 3) / 4) }
