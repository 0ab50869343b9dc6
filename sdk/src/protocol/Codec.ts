/**
 * Messages to frames and back: what `EventLogRemote` v3 speaks, with our extra fields. Which fields exist is
 * `Message.ts`; what they mean is `sdk/PROTOCOL.md`.
 *
 * Byte arrays in a decoded message are views on the frame: whoever keeps one beyond the frame copies it.
 */
export { decodeRequest, decodeResponse, isChunk } from "./decode.ts"
export { type ChangesHeader, encodeChanges, encodeRequest, encodeResponse } from "./encode.ts"
export { borders, decodeStored, encodeStored, storedBytes } from "./StoredRun.ts"
export { UnreadableFrame } from "./UnreadableFrame.ts"
