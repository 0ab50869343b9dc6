/** A process that holds the lease of a journal until it is killed: `bun leaseHolder.ts '{"file", "keysFolder", "key", "remote"}'`. */
import * as Either from "effect/Either"
import { nativeAead } from "../../sdk/src/bun/nativeAead.ts"
import * as SqliteJournal from "../../sdk/src/bun/SqliteJournal.ts"
import { parse, type RecorderKey } from "../../sdk/src/crypto/TenantKey.ts"

/** Where the journal is; `key` is a recorder key as text. */
export interface Held {
  readonly file: string
  readonly keysFolder: string
  readonly key: string
  readonly remote: string
}

const MINUTE_MS = 60_000

export const openHeld = async ({ file, key, keysFolder, remote }: Held) => {
  const recorder = Either.getOrThrow(parse(key)) as RecorderKey
  const opening = SqliteJournal.open({ file, keysFolder, recorder, remotes: [remote], aead: nativeAead })
  return Either.getOrThrow(await opening)
}

const [, program, held] = process.argv
if (program === import.meta.path && held !== undefined) {
  const described: Held = JSON.parse(held)
  const journal = await openHeld(described)
  console.log(Either.getOrThrow(journal.outbox(described.remote).lease("the child", MINUTE_MS)))
  setInterval(() => {}, MINUTE_MS)
}
