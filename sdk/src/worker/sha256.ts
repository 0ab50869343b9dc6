/**
 * workerd's own SHA-256. Of what Workers offer only `node:crypto` answers at once; workerd has it without the flag
 * `nodejs_compat` at the template's compatibility date (seen with workerd 1.20261117). `hash` makes no stream, as
 * `createHash` does: for a small write that is half of what hashing costs (tests/bench).
 */
import { hash } from "node:crypto"

export const sha256 = (bytes: Uint8Array): Uint8Array => new Uint8Array(hash("sha256", bytes, "buffer"))
