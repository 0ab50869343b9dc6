/**
 * Whether what is not there of a log was let go of as decision 0023 has it: a snapshot that its writer signed stands for it,
 * and by its chain the hub had what the snapshot says that it had. Pure; a part of `examine.ts`.
 */
import { bytesToHex } from "@noble/hashes/utils.js"
import type { Envelope } from "../crypto/Envelope.ts"
import * as Payload from "../domain/Payload.ts"
import type { Snapshot } from "../domain/Snapshot.ts"
import { isBeginning } from "./snapshot.ts"

/** Where a hub's copy of a log begins. */
export interface Floor {
  /** The first sequence that is there. */
  readonly sequence: number
  /** The hub's chain before it, 32 bytes. */
  readonly chain: Uint8Array
}

export type FloorFinding =
  /** The hub let go of its entries up to this sequence, and no snapshot stands for all of them. */
  | { readonly _tag: "Trimmed"; readonly upTo: number }
  /** … a snapshot does that is not under a signature of the writer that began the log. */
  | { readonly _tag: "Unvouched"; readonly writer: string; readonly sequence: number; readonly upTo: number }
  /** … a signed snapshot does, of other entries: it names another chain than the hub's, or another hub. */
  | { readonly _tag: "OtherPast"; readonly writer: string; readonly sequence: number; readonly upTo: number }

/** A snapshot with all its parts. */
export interface Standing {
  readonly writer: string
  /** Of its first part. */
  readonly sequence: number
  /** It stands for its writer's entries up to this count. */
  readonly upTo: number
  readonly hubs: Snapshot["hubs"]
  /** A checkpoint behind its last part signs it, and its writer may speak for the log. */
  readonly vouched: boolean
}

interface Counted {
  readonly n: number
  readonly sequence: number
  readonly envelope: Envelope
}

/** The whole snapshots among one writer's entries, which are in the order of its count. */
export const standingsOf = (
  writer: string,
  line: ReadonlyArray<Counted>,
  { may, signed }: { readonly may: boolean; readonly signed: number }
): ReadonlyArray<Standing> =>
  line.flatMap(({ envelope, n, sequence }, at) => {
    const content = snapshotIn(envelope)
    if (content === undefined || !isBeginning(content, n)) return []
    const { hubs, part, upTo } = content.snapshot
    for (let i = 1; i < part[1]; i++) {
      const next = line[at + i]
      const said = next?.n === n + i ? snapshotIn(next.envelope)?.snapshot : undefined
      if (said === undefined || said.upTo !== upTo || said.part[0] !== i || said.part[1] !== part[1]) return []
    }
    return [{ writer, sequence, upTo, hubs, vouched: may && signed >= n + part[1] }]
  })

const snapshotIn = ({ plain }: Envelope) => {
  if (plain.event !== Payload.SNAPSHOT) return undefined
  const content = Payload.decode(plain)
  return content._tag === "Snapshot" ? content : undefined
}

/**
 * Of counts `from` to `to` that are not there: they end where a snapshot of their writer begins, or at the floor of a hub that has
 * not yet let go of all that the snapshot stands for.
 */
export const isStoodFor = (
  { from, to }: { readonly from: number; readonly to: number },
  standings: ReadonlyArray<Standing>,
  floor: Floor | undefined
): boolean =>
  standings.some(
    ({ upTo, vouched }) => vouched && (upTo === to || (from === 1 && to < upTo && to === (floor?.sequence ?? 1) - 1))
  )

/** `chainAt`: the hub's chain after a sequence, as hex; undefined where no write ends there. */
export const floorFindings = (
  hub: { readonly floor?: Floor; readonly remoteId?: Uint8Array },
  standings: ReadonlyArray<Standing>,
  chainAt: (sequence: number) => string | undefined
): ReadonlyArray<FloorFinding> => {
  const { floor, remoteId } = hub
  if (floor === undefined || floor.sequence <= 1) return []
  const upTo = floor.sequence - 1
  const covering = standings.filter((one) => one.upTo >= upTo)
  const vouched = covering.filter((one) => one.vouched)
  const fits = vouched.some((one) => {
    const named = one.hubs.filter((other) => remoteId === undefined || isSame(other.remoteId, remoteId))
    return named.some(({ chain }) => bytesToHex(chain) === chainAt(one.upTo))
  })
  if (fits) return []
  const [best] = vouched.length > 0 ? vouched : covering
  if (best === undefined) return [{ _tag: "Trimmed", upTo }]
  const { sequence, vouched: isVouched, writer } = best
  return [{ _tag: isVouched ? "OtherPast" : "Unvouched", writer, sequence, upTo }]
}

const isSame = (a: Uint8Array, b: Uint8Array) => bytesToHex(a) === bytesToHex(b)
