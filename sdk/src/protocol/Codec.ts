/**
 * Messages to frames and back: what `EventLogRemote` v3 speaks, with our extra fields. Decoding is total, checks
 * what the hub and the client rely on, and passes by fields it does not know. Which fields exist is `Message.ts`.
 *
 * Byte arrays in a decoded message are views on the frame: whoever keeps one beyond the frame copies it.
 */
import type * as Either from "effect/Either"
import { ENTRY_BYTES, IV_BYTES, MESSAGE_BYTES, PUBLIC_KEY_CHARS, REMOTE_ID_BYTES, WRITE_ENTRIES } from "./Limits.ts"
import type { HubCapabilities, Refusal, Request, Response } from "./Message.ts"
import { packedText, Reader, Writer } from "./MessagePack.ts"
import {
  readSealed,
  readStored,
  readWhole,
  encodeStored as run,
  STORED_FRAMING,
  sized,
  total,
  writeSealed
} from "./StoredRun.ts"
import { againstRules, tooLarge, type UnreadableFrame, unreadable, unsupported } from "./UnreadableFrame.ts"

export { borders, decodeStored, encodeStored } from "./StoredRun.ts"
export { UnreadableFrame } from "./UnreadableFrame.ts"
