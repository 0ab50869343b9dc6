/** Events for text that no record explains: output that is not JSON, and JSON that was cut off. The text is kept whole. */
import { sha256 } from "@noble/hashes/sha2.js"
import { bytesToHex } from "@noble/hashes/utils.js"
import type { AgentEvent, Frame } from "../domain/AgentEvent.ts"

/** Something the program printed. */
export const output = (frame: Frame, text: string): AgentEvent => ({
  ...frame,
  group: "audit",
  kind: "note",
  data: { what: "output", text }
})

/** A line that began as JSON and does not end. */
export const cutOff = (frame: Frame, text: string): AgentEvent => {
  const bytes = new TextEncoder().encode(text)
  return {
    ...frame,
    group: "audit",
    kind: "error",
    data: { what: "parse", message: text, bytes: bytes.length, digest: bytesToHex(sha256(bytes)) }
  }
}
