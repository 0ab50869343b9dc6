/** The secrets of one writer. */

export interface WriterIdentity {
  /** 16 bytes; names the writer in envelopes. */
  readonly id: Uint8Array
  /** 32 random bytes. What it seals and hashes with is derived from it by label. */
  readonly key: Uint8Array
  /** Ed25519: 32-byte seed, and public key. */
  readonly signingSeed: Uint8Array
  readonly signer: Uint8Array
}
