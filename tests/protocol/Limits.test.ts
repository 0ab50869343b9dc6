/** The wire's numbers written out a second time, on purpose: who changes one changes what other programs rely on. */
import { expect, test } from "bun:test"
import * as Limits from "../../sdk/src/protocol/Limits.ts"

test("the numbers of the wire are those that PROTOCOL.md names", () => {
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
    REMOTE_ID_BYTES: 16,
    PUBLIC_KEY_CHARS: 128,
    PING_EVERY_MS: 25_000,
    PUSH_ENTRIES: 256,
    PUSH_BYTES: 480_000,
    PUSH_WINDOW: 8,
    PEER_UNREAD_BYTES: 33_554_432,
    PEER_LOGS: 50_000,
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

test("the sizes inside the hub and the client fit each other", () => {
  // A row holds the largest entry; a segment and a tail are rows; what a writer allows fits in a page and in a push.
  expect(Limits.ROW_BYTES).toBeGreaterThan(Limits.ENTRY_BYTES)
  expect([Limits.SEGMENT_BYTES, Limits.TAIL_BYTES]).toEqual([524_288, 32_768])
  expect(Limits.EVENT_BYTES).toBe(261_120)
  expect([Limits.PUSH_BUFFER_BYTES, Limits.PEER_BUFFER_BYTES]).toEqual([4_194_304, 1_048_576])
  expect(Limits.RETENTION_EVERY_MS).toBe(600_000)
})
