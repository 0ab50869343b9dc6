/**
 * Checks what each writer of a log promises inside the sealed envelope: its own count without holes, each entry
 * naming the digest of the one before. So nobody between writer and reader can drop, repeat or reorder unseen. What was
 * missed may come later, as when a hub that was set back got it again: it counts once, and has to fit where it was missed.
 */
import * as Envelope from "../crypto/Envelope.ts"

export type Link =
  /** The next one, or one that was missing. */
  | { readonly _tag: "Next" }
  /** Seen before: the same entry under another number, or sent again. */
  | { readonly _tag: "Repeat" }
  /** Entries of this writer that have not come. */
  | { readonly _tag: "Missing"; readonly count: number }
  /** The count fits and the digest does not: two histories of one writer. */
  | { readonly _tag: "Forked" }

export interface WriterChains {
  /** `writer` is the hex of its id. `fromStart`: the log is read from its beginning, so a first `n` above 1 is a hole. */
  readonly check: (envelope: Envelope.Envelope, writer: string, sealed: Uint8Array, fromStart: boolean) => Link
  /** The highest count of a writer that was checked; 0 before any. */
  readonly last: (writer: string) => number
}

/** Counts that have not come, both inclusive. */
interface Hole {
  readonly from: number
  readonly to: number
  /** Of the entry before it; undefined where nothing is before it. */
  readonly before: Uint8Array | undefined
  /** Of its last entry, as the one behind it names it. */
  readonly last: Uint8Array
}

/** Of one writer; whoever holds the log's key could make any number. */
const MOST_HOLES = 1_000

interface Seen {
  n: number
  digest: Uint8Array
  holes: ReadonlyArray<Hole>
}

export const makeWriterChains = (): WriterChains => {
  const seen = new Map<string, Seen>()
  return {
    last: (writer) => seen.get(writer)?.n ?? 0,
    check: ({ n, prev }, writer, sealed, fromStart) => {
      const last = seen.get(writer)
      const digest = Envelope.digest(sealed)
      if (last === undefined) {
        const isHole = fromStart && n > 1
        seen.set(writer, { n, digest, holes: isHole ? [{ from: 1, to: n - 1, before: undefined, last: prev }] : [] })
        return isHole ? { _tag: "Missing", count: n - 1 } : { _tag: "Next" }
      }
      if (n <= last.n) {
        const hole = last.holes.find(({ from, to }) => from <= n && n <= to)
        if (hole === undefined) return { _tag: "Repeat" }
        last.holes = last.holes.flatMap((one) => (one === hole ? around(hole, n, prev, digest) : [one]))
        const fits =
          (n > hole.from || hole.before === undefined || isSame(prev, hole.before)) &&
          (n < hole.to || isSame(digest, hole.last))
        return fits ? { _tag: "Next" } : { _tag: "Forked" }
      }
      const before = { ...last }
      Object.assign(last, { n, digest })
      if (n > before.n + 1) {
        last.holes = [
          ...last.holes.slice(-MOST_HOLES),
          { from: before.n + 1, to: n - 1, before: before.digest, last: prev }
        ]
        return { _tag: "Missing", count: n - before.n - 1 }
      }
      return isSame(prev, before.digest) ? { _tag: "Next" } : { _tag: "Forked" }
    }
  }
}

/** What is left of a hole when its entry `n` has come. */
const around = (hole: Hole, n: number, prev: Uint8Array, digest: Uint8Array): ReadonlyArray<Hole> => [
  ...(n > hole.from ? [{ ...hole, to: n - 1, last: prev }] : []),
  ...(n < hole.to ? [{ ...hole, from: n + 1, before: digest }] : [])
]

const isSame = (a: Uint8Array, b: Uint8Array) => a.every((byte, i) => byte === b[i])
