/**
 * Checks what each writer of a log promises inside the sealed envelope: its own count without holes, each entry
 * naming the digest of the one before. So nobody between writer and reader can drop, repeat or reorder unseen.
 */
import * as Envelope from "../crypto/Envelope.ts"

export type Link =
  | { readonly _tag: "Next" }
  /** Seen before: the same entry under another number, or sent again. */
  | { readonly _tag: "Repeat" }
  /** Entries of this writer that never came. */
  | { readonly _tag: "Missing"; readonly count: number }
  /** The count fits and the digest does not: two histories of one writer. */
  | { readonly _tag: "Forked" }

export interface WriterChains {
  /** `writer` is the hex of its id. `fromStart`: the log is read from its beginning, so a first `n` above 1 is a hole. */
  readonly check: (envelope: Envelope.Envelope, writer: string, sealed: Uint8Array, fromStart: boolean) => Link
  /** The highest count of a writer that was checked; 0 before any. */
  readonly last: (writer: string) => number
}

export const makeWriterChains = (): WriterChains => {
  const seen = new Map<string, { n: number; digest: Uint8Array }>()
  return {
    last: (writer) => seen.get(writer)?.n ?? 0,
    check: ({ n, prev }, writer, sealed, fromStart) => {
      const last = seen.get(writer)
      if (last !== undefined && n <= last.n) return { _tag: "Repeat" }
      seen.set(writer, { n, digest: Envelope.digest(sealed) })
      if (last === undefined) return fromStart && n > 1 ? { _tag: "Missing", count: n - 1 } : { _tag: "Next" }
      if (n > last.n + 1) return { _tag: "Missing", count: n - last.n - 1 }
      return prev.every((byte, i) => byte === last.digest[i]) ? { _tag: "Next" } : { _tag: "Forked" }
    }
  }
}
