/** The wire's numbers written out a second time, on purpose: who changes one changes what other programs rely on. */
import { expect, test } from "bun:test"
import manifest from "../../package.json" with { type: "json" }
import * as Limits from "../../sdk/src/protocol/Limits.ts"
import { SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX } from "../../sdk/src/protocol/Message.ts"
import { VERSION } from "../../sdk/src/protocol/version.ts"

test("the version is the package's", () => {
  expect(VERSION).toBe(manifest.version)
})

test("a peer names itself, and carries its token, by the words of PROTOCOL.md", () => {
  expect([SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX]).toEqual(["agent-sync", "sync-auth."])
})

test("the numbers of the wire are those that PROTOCOL.md names, and ours what their comments say", () => {
  expect(Limits).toMatchObject({
    CHUNK_BYTES: 512_000,
    CHUNK_PARTS: 64,
    CHUNKS_OPEN: 4,
    CHUNK_DEADLINE_MS: 60_000,
    MESSAGE_BYTES: 8_388_608,
    WRITE_ENTRIES: 100_000,
    ENTRY_BYTES: 1_900_000,
    PAGE_BYTES: 262_144,
    ENTRY_ID_BYTES: 16,
    IV_BYTES: 12,
    CHAIN_BYTES: 32,
    REMOTE_ID_BYTES: 16,
    PUBLIC_KEY_CHARS: 128,
    PING_EVERY_MS: 25_000,
    PUSH_ENTRIES: 256,
    PUSH_BYTES: 480_000,
    PUSH_WINDOW: 8,
    PEER_UNREAD_BYTES: 33_554_432,
    PEER_ASKED_BYTES: 33_554_432,
    PEER_ASKED_EACH_BYTES: 512,
    PEER_LOGS: 50_000,
    PEER_BUFFER_BYTES: 1_048_576,
    PUSH_BUFFER_BYTES: 4_194_304,
    EVENT_BYTES: 261_120,
    REFUSED_RETRY_CAP_MS: 900_000,
    RETENTION_EVERY_MS: 600_000,
    CLOSE: {
      unsupported: 1003,
      unreadable: 1007,
      policy: 1008,
      tooLarge: 1009,
      tryAgain: 1013,
      unauthorized: 4401,
      forbidden: 4403
    }
  })
})

test("what a writer allows fits in a push, a push in a frame, the largest entry in a row, and a tail in a segment", () => {
  expect(Limits.EVENT_BYTES).toBeLessThan(Limits.PUSH_BYTES)
  expect(Limits.PUSH_BYTES).toBeLessThan(Limits.CHUNK_BYTES)
  expect(Limits.CHUNK_BYTES * Limits.CHUNK_PARTS).toBeGreaterThan(Limits.MESSAGE_BYTES)
  expect(Limits.ENTRY_BYTES).toBeLessThan(Limits.ROW_BYTES)
  expect(Limits.TAIL_BYTES).toBeLessThan(Limits.SEGMENT_BYTES)
  expect(Limits.SEGMENT_BYTES).toBeLessThan(Limits.ROW_BYTES)
})
