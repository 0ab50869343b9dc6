/** What names a hub's storage in Hello. A UUID, because a stock client falls silent for good on other bytes. */
import { v4 } from "uuid"

/** 16 bytes of a new UUIDv4. */
export const makeRemoteId = (): Uint8Array => v4(undefined, new Uint8Array(16))
