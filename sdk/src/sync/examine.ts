/**
 * Holds a whole log, as a hub gave it, against what its writers signed and against what was seen of it before: what is
 * missing, changed, moved, doubled, forked, forged or rolled back. Pure; who reads the log and opens it is
 * `sync/Verifier.ts`. What this can and cannot prove is in `sdk/SECURITY.md`.
 */
import { bytesToHex } from "@noble/hashes/utils.js"
import { base64urlnopad } from "@scure/base"
import * as Either from "effect/Either"
import type { CannotOpen } from "../crypto/CannotOpen.ts"
import * as Chain from "../crypto/Chain.ts"
import { isSignedBy } from "../crypto/Checkpoint.ts"
import * as Envelope from "../crypto/Envelope.ts"
import type { LogId } from "../domain/Ids.ts"
import { decode } from "../domain/Payload.ts"
import type { StoredEntry } from "../protocol/Message.ts"
import { type Floor, type FloorFinding, floorFindings, isStoodFor, type Standing, standingsOf } from "./letGo.ts"

/** One stored entry, and what is inside. */
export interface Examined {
  readonly entry: StoredEntry
  readonly envelope: Either.Either<Envelope.Envelope, CannotOpen>
}

export interface Evidence {
  readonly log: LogId
  /** In the order in which the hub gave them. */
  readonly entries: ReadonlyArray<Examined>
  /** What a hub of ours says of the log; absent from a stock hub, which keeps no chain. */
  readonly hub?: {
    readonly head: number
    /** 16 bytes, as its snapshots name it. */
    readonly remoteId?: Uint8Array
    /** Absent where it has the log from its beginning. */
    readonly floor?: Floor
    /** Sizes of all writes that are there, in order: the links of its chain. */
    readonly batches: ReadonlyArray<number>
    /** The chain after the last of them; absent where the log is empty. */
    readonly chain: Uint8Array | undefined
  }
  /** Ed25519 keys by the hex of the writer's id, from where the log's reader trusts them: the index, or a share link. */
  readonly signers: ReadonlyMap<string, Uint8Array>
  /** The session has ended, says the index: what its writers left then is signed to the end. */
  readonly ended: boolean
  /** Hex of the writer that began the log, as the index has it. */
  readonly beganBy?: string
  /** It is an index: many write there, so nobody's snapshot stands for what is gone of it. */
  readonly isIndex?: true
  /** What was seen of the log before. */
  readonly before?: Seen
  /** By the hex of a writer's id: it let go of its entries from the second to this count, in the copy that is examined. */
  readonly forgot?: ReadonlyMap<string, number>
}

/** Where a log stood when it was examined, to hold a later copy against. Bytes as hex, so that it may lie in a JSON file. */
export interface Seen {
  readonly head: number
  readonly chain: string
  /** Of each writer, by its id: how many entries, and the digest of the last. */
  readonly writers: Readonly<Record<string, { readonly n: number; readonly digest: string }>>
}

/** What is wrong with a log. Sequences are the hub's, `n` and `from` to `to` a writer's own count, writers hex. */
export type Finding =
  /** The hub says that it has these sequences, both inclusive, and does not give them. */
  | { readonly _tag: "Withheld"; readonly from: number; readonly to: number }
  /** Changed, moved from another log, or sealed with another key. */
  | { readonly _tag: "Unopened"; readonly sequence: number; readonly why: CannotOpen }
  /** Entries `from` to `to` of the writer's own count are not there, though later ones name them. */
  | { readonly _tag: "Missing"; readonly writer: string; readonly from: number; readonly to: number }
  | { readonly _tag: "Reordered"; readonly writer: string; readonly n: number; readonly sequence: number }
  | { readonly _tag: "Repeated"; readonly writer: string; readonly n: number; readonly sequence: number }
  /** Two entries with one count, or one that names another as the one before it: two histories of one writer. */
  | { readonly _tag: "Forked"; readonly writer: string; readonly n: number; readonly sequence: number }
  /** Written by someone whom the index, or the link, does not name. */
  | { readonly _tag: "Stranger"; readonly writer: string; readonly sequence: number }
  | { readonly _tag: "Forged"; readonly writer: string; readonly n: number; readonly sequence: number }
  /** In the index, it speaks for a writer that did not seal it. */
  | { readonly _tag: "Impostor"; readonly writer: string; readonly sequence: number }
  /** The session has ended, and its last entries from this count on are under no signature: cut, or added by another. */
  | { readonly _tag: "Unsigned"; readonly writer: string; readonly from: number }
  /** The hub's own chain does not come out of the entries it gave. */
  | { readonly _tag: "Rechained" }
  /** It was longer when it was last seen. */
  | { readonly _tag: "RolledBack"; readonly had: number; readonly has: number }
  /** What was seen before, up to this sequence or up to this count of a writer, is not what is there now. */
  | { readonly _tag: "Rewritten"; readonly upTo: number; readonly writer?: string }
  | FloorFinding

/** What one writer has in a log. */
export interface WriterReport {
  /** Hex of its id. */
  readonly writer: string
  readonly entries: number
  /** Its signing key, Ed25519, as base64url; absent where nobody vouches for one. */
  readonly signer?: string
  /** How many it let go of in this copy, once its hubs had them. */
  readonly forgot: number
  /** How many of its entries are gone for which a snapshot that it signed stands. */
  readonly letGo: number
  /** Its own count up to which a signature of its own covers everything; 0 where there is none. */
  readonly signed: number
}

/** A log examined. Without findings every entry is there, in order, by who may write, and signed as far as `signed` says. */
export interface Report {
  readonly log: LogId
  readonly entries: number
  readonly writers: ReadonlyArray<WriterReport>
  readonly findings: ReadonlyArray<Finding>
  readonly seen: Seen
}

/** An entry as its writer counts it. */
interface Counted {
  readonly n: number
  readonly sequence: number
  readonly digest: string
  readonly envelope: Envelope.Envelope
}

export const examine = (evidence: Evidence): Report => {
  const { entries, hub, log } = evidence
  const findings: Array<Finding> = [...holes(evidence)]
  const byWriter = new Map<string, Array<Counted>>()
  for (const { entry, envelope } of entries) {
    if (Either.isLeft(envelope)) {
      findings.push({ _tag: "Unopened", sequence: entry.sequence, why: envelope.left })
      continue
    }
    const writer = bytesToHex(envelope.right.writer)
    const theirs = byWriter.get(writer)
    const { n } = envelope.right
    const digest = bytesToHex(Envelope.digest(entry.encryptedEntry))
    const counted = { n, sequence: entry.sequence, digest, envelope: envelope.right }
    if (theirs !== undefined) {
      theirs.push(counted)
      continue
    }
    byWriter.set(writer, [counted])
    if (!evidence.signers.has(writer)) findings.push({ _tag: "Stranger", writer, sequence: entry.sequence })
  }

  const writers: Array<WriterReport> = []
  const seenWriters: Record<string, { n: number; digest: string }> = {}
  const standings: Array<Standing> = []
  for (const [writer, counted] of byWriter) {
    const forgot = evidence.forgot?.get(writer) ?? 0
    const history = historyOf(writer, counted, forgot)
    const signer = evidence.signers.get(writer)
    const { forged, signed } = signer === undefined ? unsigned : signaturesOf(log, writer, signer, history.line)
    // Who began the log alone may speak for it.
    const may = evidence.isIndex !== true && (evidence.beganBy === undefined || evidence.beganBy === writer)
    const stands = standingsOf(writer, history.line, { may, signed })
    standings.push(...stands)
    const gone = history.missing.filter((hole) => isStoodFor(hole, stands, hub?.floor))
    const letGo = gone.reduce((sum, { from, to }) => sum + to - from + 1, 0)
    const missing = history.missing.filter((hole) => !gone.includes(hole))
    findings.push(...missing, ...history.findings, ...forged)
    const last = history.line.at(-1)
    if (evidence.ended && signer !== undefined && last !== undefined && signed < last.n) {
      findings.push({ _tag: "Unsigned", writer, from: signed + 1 })
    }
    const named = signer === undefined ? {} : { signer: base64urlnopad.encode(signer) }
    writers.push({ writer, entries: counted.length, forgot: Math.max(0, forgot - 1), letGo, signed, ...named })
    if (last !== undefined) seenWriters[writer] = { n: last.n, digest: last.digest }
    const before = evidence.before?.writers[writer]
    const isGone = (n: number) => (n > 1 && n <= forgot) || gone.some(({ from, to }) => from <= n && n <= to)
    if (before !== undefined && !isThere(history.line, before, isGone)) {
      findings.push({ _tag: "Rewritten", upTo: before.n, writer })
    }
  }
  for (const [writer, { n }] of Object.entries(evidence.before?.writers ?? {})) {
    if (!byWriter.has(writer)) findings.push({ _tag: "Rewritten", upTo: n, writer })
  }
  const { beganBy } = evidence
  if (evidence.ended && beganBy !== undefined && !byWriter.has(beganBy)) {
    findings.push({ _tag: "Unsigned", writer: beganBy, from: 1 })
  }

  const chain = chainOf(evidence, new Set(standings.map(({ upTo }) => upTo)))
  findings.push(...chain.findings)
  if (hub !== undefined) findings.push(...floorFindings(hub, standings, (sequence) => chain.at.get(sequence)))
  const head = hub?.head ?? entries.at(-1)?.entry.sequence ?? 0
  const seen = { head, chain: bytesToHex(chain.value), writers: seenWriters }
  return { log, entries: entries.length, writers, findings, seen }
}

/** Sequences that a hub which numbers without holes did not give, the newest ones included. */
const holes = function* ({ entries, hub }: Evidence): Iterable<Finding> {
  if (hub === undefined) return
  let next = hub.floor?.sequence ?? 1
  for (const { entry } of entries) {
    if (entry.sequence > next) yield { _tag: "Withheld", from: next, to: entry.sequence - 1 }
    next = Math.max(next, entry.sequence + 1)
  }
  if (next <= hub.head) yield { _tag: "Withheld", from: next, to: hub.head }
}

/** The entry that was seen last is still there, or is named by the one after it, or was let go of with that one too. */
const isThere = (line: ReadonlyArray<Counted>, before: Seen["writers"][string], isGone: (n: number) => boolean) => {
  const found = line.find(({ n }) => n === before.n)
  if (found !== undefined || !isGone(before.n)) return found?.digest === before.digest
  const next = line.find(({ n }) => n === before.n + 1)
  return next === undefined ? isGone(before.n + 1) : bytesToHex(next.envelope.prev) === before.digest
}

/** One writer's entries in the order of its own count, each once, and what is wrong with them. */
const historyOf = (writer: string, counted: ReadonlyArray<Counted>, forgot: number) => {
  const findings: Array<Finding> = []
  const missing: Array<Extract<Finding, { _tag: "Missing" }>> = []
  const byCount = new Map<number, Counted>()
  let highest = 0
  for (const one of counted) {
    const { digest, n, sequence } = one
    const known = byCount.get(n)
    if (known === undefined) {
      byCount.set(n, one)
      if (n < highest) findings.push({ _tag: "Reordered", writer, n, sequence })
      highest = Math.max(highest, n)
    } else findings.push({ _tag: known.digest === digest ? "Repeated" : "Forked", writer, n, sequence })
  }
  const line = [...byCount.values()].sort((a, b) => a.n - b.n)
  let last: Counted | undefined
  for (const one of line) {
    const { envelope, n, sequence } = one
    const follows = (last?.n ?? 0) + 1
    const expected = follows > 1 ? Math.max(follows, forgot + 1) : follows
    if (n > expected) missing.push({ _tag: "Missing", writer, from: expected, to: n - 1 })
    else if (last?.n === n - 1 && bytesToHex(envelope.prev) !== last.digest) {
      findings.push({ _tag: "Forked", writer, n, sequence })
    }
    last = one
  }
  return { line, findings, missing }
}

const unsigned = { signed: 0, forged: [] as ReadonlyArray<Finding> }

const signaturesOf = (log: LogId, writer: string, signer: Uint8Array, line: ReadonlyArray<Counted>) => {
  const forged: Array<Finding> = []
  let signed = 0
  for (const { envelope, n, sequence } of line) {
    const content = decode(envelope.plain)
    if (content._tag !== "Signed") continue
    const place = { log, writer: envelope.writer, n, prev: envelope.prev }
    if (isSignedBy(signer, place, content.signature)) signed = n
    else forged.push({ _tag: "Forged", writer, n, sequence })
  }
  return { signed, forged }
}

/** Walks the hub's chain, to its end and past where it was seen before; `at` are its values after the sequences asked for. */
const chainOf = (
  { before, entries, hub }: Evidence,
  asked: ReadonlySet<number>
): { value: Uint8Array; at: ReadonlyMap<number, string>; findings: ReadonlyArray<Finding> } => {
  const at = new Map<number, string>()
  if (hub === undefined) return { value: Chain.empty, at, findings: [] }
  const findings: Array<Finding> = []
  const floor = hub.floor ?? { sequence: 1, chain: Chain.empty }
  const below = floor.sequence - 1
  let value = floor.chain
  let last = below
  // Of what a hub let go of, a snapshot tells whether it was that.
  let beforeThere = before === undefined || before.head === 0 || before.head < below
  const arrive = () => {
    if (asked.has(last)) at.set(last, bytesToHex(value))
    if (last === before?.head && last > 0) beforeThere = bytesToHex(value) === before.chain
  }
  arrive()
  for (const size of hub.batches) {
    const write = entries.slice(last - below, last - below + size).map(({ entry }) => entry)
    value = Chain.link(value, last + 1, write)
    last += size
    arrive()
  }
  if (last !== hub.head || (hub.chain !== undefined && bytesToHex(hub.chain) !== bytesToHex(value))) {
    findings.push({ _tag: "Rechained" })
  }
  if (before !== undefined && before.head > hub.head) {
    findings.push({ _tag: "RolledBack", had: before.head, has: hub.head })
  } else if (!beforeThere) findings.push({ _tag: "Rewritten", upTo: before!.head })
  return { value, at, findings }
}
