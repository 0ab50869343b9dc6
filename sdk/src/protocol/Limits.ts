/** Every number of the wire, with its unit and where it comes from. */

/** Bytes of one frame above which a message is cut into chunks. Source: `EventLogRemote` in `@effect/experimental` 0.61.1. */
export const CHUNK_BYTES = 512_000
/** Parts of one chunked message that a receiver accepts: 64 × 512 000 B is above every cap below. Ours. */
export const CHUNK_PARTS = 64
/** Chunked messages one socket may have unfinished at a time. Ours: stock clients have one. */
export const CHUNKS_OPEN = 4
/** Milliseconds after which an unfinished chunked message is forgotten and its socket closed. Ours. */
export const CHUNK_DEADLINE_MS = 60_000

/** Bytes of one whole message, joined. Ours; workerd passes 32 MiB frames and drops larger ones without a word (seen locally). */
export const MESSAGE_BYTES = 8 * 1024 * 1024
/** Entries in one WriteEntries that a hub takes. Stock clients send their whole backlog in one. */
export const WRITE_ENTRIES = 100_000
/** Bytes of one sealed entry that a hub stores. Durable Object SQLite documents 2 MB for a row. */
export const ENTRY_BYTES = 1_900_000
/** Bytes of one stored row. Same source; the rest is framing. */
export const ROW_BYTES = 1_950_000
/** Bytes a stored segment aims at. Ours (house §7.5). */
export const SEGMENT_BYTES = 512 * 1024
/**
 * Bytes of a log's last row, entries and links together, up to which it takes what comes instead of a row for each write
 * (decision 0018). Such a row lies in one page of SQLite (4,096 B less 35 of the page's own and about 60 of the row's),
 * so that growing it writes no page more than a new row does.
 */
export const TAIL_BYTES = 4_000

/** Bytes of entries in one page of Changes. Ours: stock clients can take it unchunked. */
export const PAGE_BYTES = 256 * 1024
/** Entries one of our clients asks for at a time. */
export const PAGE_ENTRIES = 1_000

/** Entries in one WriteEntries of our publisher. Ours. */
export const PUSH_ENTRIES = 256
/** Bytes of entries in one WriteEntries of our publisher, which therefore never has to chunk. Ours, below `CHUNK_BYTES`. */
export const PUSH_BYTES = 480_000
/** Unanswered WriteEntries our publisher keeps in flight, all logs together. */
export const PUSH_WINDOW = 8
/** Milliseconds a stock hub may take to say whether it has an entry whose Ack was lost, before the entry is sent again. */
export const RECHECK_MS = 2_000
/**
 * Milliseconds after which a hub that is full, or did not take what a token writes, is asked again; twice as long after each
 * time. Ours: asking wakes a Durable Object.
 */
export const REFUSED_RETRY_MS = 30_000
/** Milliseconds beyond which such a wait does not grow. Ours. */
export const REFUSED_RETRY_CAP_MS = 15 * 60_000
/** Bytes waiting in our socket above which nothing more is handed to it. Ours. */
export const PUSH_BUFFER_BYTES = 4 * 1024 * 1024
/** Milliseconds for which the pushing process of a journal holds its outbox, unless it asks again. Ours. */
export const LEASE_MS = 10_000
/** Milliseconds with nothing to push after which the outbox is given back. Ours. */
export const LEASE_IDLE_MS = 1_000
/** Milliseconds after which another process that owes something asks for the outbox again. Ours. */
export const LEASE_RETRY_MS = 1_000

/** Milliseconds after which a journal that could not be read or marked is asked again. Ours. */
export const JOURNAL_RETRY_MS = 1_000

/** Bytes of one event before sealing that our writers allow; larger things become artifacts in parts (house §7.5). */
export const EVENT_BYTES = 256 * 1024 - 1024

/** Bytes of an entry id. Source: RFC 9562, UUID. */
export const ENTRY_ID_BYTES = 16
/** Bytes of an initialization vector. Source: NIST SP 800-38D, AES-GCM. */
export const IV_BYTES = 12
/** Bytes of a value of the hub chain: SHA-256 (house §7.5). */
export const CHAIN_BYTES = 32
/** Bytes by which a hub names itself. Source: `EventJournal.RemoteId` in `@effect/experimental` 0.61.1. */
export const REMOTE_ID_BYTES = 16
/** Characters of a public key as stock clients send it (a UUID is 36; ours 22). */
export const PUBLIC_KEY_CHARS = 128

/** Milliseconds between text pings of an otherwise quiet connection. Ours. */
export const PING_EVERY_MS = 25_000
/** Milliseconds until a ping counts as unanswered, which breaks the connection. Ours. */
export const PING_DEADLINE_MS = 10_000
/** Milliseconds without an Ack or a byte that leaves while writes are unanswered, which break the connection. Ours. */
export const ACK_DEADLINE_MS = 15_000
/** Milliseconds from an open socket until Hello must be there. Ours. */
export const HELLO_DEADLINE_MS = 10_000
/** Milliseconds before a connection that broke is tried again for the first time. Ours. */
export const BACKOFF_FIRST_MS = 200
/** By how much each further wait is longer. Ours. */
export const BACKOFF_FACTOR = 2
/** Milliseconds beyond which waits do not grow. Ours. */
export const BACKOFF_CAP_MS = 15_000
/** Milliseconds that a connection must live for the waits to begin anew. Ours. */
export const BACKOFF_RESET_MS = 30_000
/** Milliseconds that closing a program may spend on what still waits. */
export const DRAIN_MS = 2_000

/** Bytes waiting in one socket above which the Bun hub stops pushing pages until it drains. */
export const PEER_BUFFER_BYTES = 1024 * 1024
/** Bytes waiting in one socket above which it is closed when it asks for more. Ours: a page and the largest message fit often. */
export const PEER_UNREAD_BYTES = 32 * 1024 * 1024
/** Bytes of one socket's requests that a storage which takes its time has not answered; above it the socket is closed with 1013. Ours. */
export const PEER_ASKED_BYTES = 32 * 1024 * 1024
/** What a waiting request costs beside its bytes, so that as many as one may watch logs fit. Ours. */
export const PEER_ASKED_EACH_BYTES = 512
/** Logs one socket may watch, and requests of it that may wait until it drains. Ours. */
export const PEER_LOGS = 50_000

/** Logs that retention removes in one turn. Ours. */
export const RETENTION_LOGS = 100
/** Entries that retention removes in one turn. Ours. */
export const RETENTION_ENTRIES = 20_000
/** Milliseconds between looks for what retention is to remove. Ours. */
export const RETENTION_EVERY_MS = 10 * 60_000
/** Characters of a token id that can be revoked. Ours are 16. */
export const TOKEN_ID_CHARS = 200

/** Close codes. 1003, 1007, 1008, 1009: RFC 6455; 1013: IANA registry, try again later; 44xx: ours. */
export const CLOSE = {
  unsupported: 1003,
  unreadable: 1007,
  policy: 1008,
  tooLarge: 1009,
  tryAgain: 1013,
  unauthorized: 4401,
  forbidden: 4403
} as const
