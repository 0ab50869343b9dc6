/**
 * Who may push to one remote, as the journal's file has it: the owner's name and, behind it, its process, so that a process of
 * the same machine takes the place of a dead one at once and does not wait for the lease to run out. A lease without a process,
 * as a version before this one writes it, or of a process that cannot be asked about from here, runs out.
 */
import { concatBytes } from "@noble/hashes/utils.js"
import { LOOKUP_BYTES } from "../../crypto/WriterKey.ts"
import type { Outbox } from "../../journal/Journal.ts"
import { isDead, thisProcess } from "../process.ts"
import type { Store } from "./Store.ts"

/** `remote` answers the row of the address, and is called inside a write. */
export const leaseOf = (store: Store, remote: () => number): Pick<Outbox, "lease" | "release"> => {
  /** A keyed hash of `LOOKUP_BYTES`, and what `thisProcess` says as UTF-8. */
  const ownerOf = (name: string) => concatBytes(store.nameOf("owner", name), new TextEncoder().encode(thisProcess()))
  const take = (owner: Uint8Array, forMs: number, now: number) =>
    // A lease that begins in the future is of before the clock was set back.
    store.run(
      `UPDATE remote SET owner = ?2, since = ?3, until = ?4
       WHERE id = ?1 AND (owner IS NULL OR owner = ?2 OR since > ?3 OR until <= ?3)`,
      remote(),
      owner,
      now,
      now + forMs
    ) > 0
  const clear = (owner: Uint8Array) =>
    store.run("UPDATE remote SET owner = NULL WHERE id = ? AND owner = ?", remote(), owner) > 0

  return {
    lease: (name, forMs) =>
      store.write(() => {
        const [owner, now] = [ownerOf(name), Date.now()]
        if (take(owner, forMs, now)) return true
        const held = store.get<{ owner: Uint8Array }>("SELECT owner FROM remote WHERE id = ?", remote())
        return held !== undefined && isOfDead(held.owner) && clear(held.owner) && take(owner, forMs, now)
      }),
    release: (name) => store.write(() => void clear(ownerOf(name)))
  }
}

/** Total: whatever bytes stand there, they are of a dead process or not known to be. */
const isOfDead = (owner: Uint8Array) =>
  owner.byteLength > LOOKUP_BYTES && isDead(new TextDecoder().decode(owner.subarray(LOOKUP_BYTES)))
