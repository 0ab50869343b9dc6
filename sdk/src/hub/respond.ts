/**
 * What the hub does about one whole request: the reply, what watchers are to hear, who watches from now on. It asks the
 * storage and knows no sockets; `Hub.ts` carries its answer out. At once where the storage answers at once.
 */
import type * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { encodeChanges, encodeResponse } from "../protocol/Codec.ts"
import { CLOSE, ENTRY_BYTES, PAGE_BYTES } from "../protocol/Limits.ts"
import type { Refusal, Request, RequestChanges, WriteEntries } from "../protocol/Message.ts"
import type { Appended, HubStorage, Page, StorageFailed } from "./HubStorage.ts"
import { mayRead, mayWrite, type Rights } from "./Peer.ts"
import { match } from "./Queue.ts"

/** What asks the storage, or changes what is watched. */
export type Whole = Exclude<Request, { readonly _tag: "ChunkedMessage" | "Ping" }>

/** Who asks: a peer's rights, and whether it understands our extra fields. */
export interface Asker {
  readonly grant: Rights
  readonly extended: boolean
}

/** Carried out in the order of its fields. */
export interface Reaction {
  /** New entries, for everyone who watches their log. */
  readonly publish?: News
  /** The asker does not watch the log any more. */
  readonly unwatch?: true
  /** For the asker, at once. */
  readonly reply?: Uint8Array
  /** For the asker, behind what it has not been told of the log up to `head`. */
  readonly ack?: { readonly frame: Uint8Array; readonly head: number }
  /** The asker watches the log; it has what comes up to `sent`, and what comes next is told live or by pages. */
  readonly watch?: { readonly sent: number; readonly mode: "live" | "behind" }
  readonly close?: { readonly code: number; readonly reason: string }
  /** The storage's trouble, for the operator. */
  readonly trouble?: StorageFailed
}

/** A write that brought something new. */
export type News = Appended & { readonly fresh: NonNullable<Appended["fresh"]> }

export const respond = (storage: HubStorage, asker: Asker, request: Whole): Effect.Effect<Reaction> => {
  switch (request._tag) {
    case "WriteEntries":
      return write(storage, asker, request)
    case "RequestChanges":
      return read(storage, asker, request)
    case "StopChanges":
      return Either.right({ unwatch: true })
  }
}

const write = (storage: HubStorage, asker: Asker, request: WriteEntries): Effect.Effect<Reaction> => {
  const { encryptedEntries, id, iv, keep, publicKey } = request
  const refuse = (refused: Refusal): Reaction =>
    asker.extended
      ? { reply: encodeResponse({ _tag: "Ack", id, sequenceNumbers: [], refused }) }
      : { close: closing(refused) }
  if (!mayWrite(asker.grant, publicKey)) {
    return Either.right(refuse({ code: "forbidden", reason: "this token may not write to this log" }))
  }
  for (const { encryptedEntry } of encryptedEntries) {
    if (encryptedEntry.byteLength <= ENTRY_BYTES) continue
    return Either.right(refuse({ code: "too-large", reason: `an entry has at most ${ENTRY_BYTES} bytes` }))
  }
  if (encryptedEntries.length === 0) {
    return Either.right({ reply: encodeResponse({ _tag: "Ack", id, sequenceNumbers: [] }) })
  }
  return match(storage.append(publicKey, iv, encryptedEntries, keep === true), {
    onFailure: (failed): Reaction => {
      const refused = refusalOf(failed)
      // What follows on this socket must not be stored before what failed: it would stand in the wrong order for ever.
      if (refused.code !== "storage") return refuse(refused)
      const close = closing(refused)
      return failed.reason === "too-fast" ? { close } : { close, trouble: failed }
    },
    onSuccess: (appended): Reaction => {
      const { fresh, head, sequences } = appended
      const ack = { frame: encodeResponse({ _tag: "Ack", id, sequenceNumbers: sequences }), head }
      return fresh === undefined ? { ack } : { ack, publish: appended as News }
    }
  })
}

const read = (storage: HubStorage, asker: Asker, request: RequestChanges): Effect.Effect<Reaction> => {
  const { limit, live, publicKey } = request
  if (!mayRead(asker.grant, publicKey)) {
    return Either.right(refuseRead(asker, publicKey, { code: "forbidden", reason: "this token may not read this log" }))
  }
  const from = Math.max(1, request.startSequence)
  if (limit === undefined) return Either.right({ watch: { sent: from - 1, mode: "behind" } })
  const page =
    limit === 0 ? headOf(storage, publicKey) : storage.page(publicKey, from, { bytes: PAGE_BYTES, entries: limit })
  return match(page, {
    onFailure: (failed) => unread(asker, publicKey, failed),
    onSuccess: (found): Reaction => {
      const sent = lastOf(found, from - 1)
      const more = sent < found.head
      const reply = pageFrame(publicKey, found, { more })
      if (live === false) return { reply }
      return more ? { unwatch: true, reply } : { reply, watch: { sent, mode: "live" } }
    }
  })
}

/** A page without entries. */
const headOf = (storage: HubStorage, log: string) =>
  storage.page(log, Number.MAX_SAFE_INTEGER, { bytes: PAGE_BYTES, entries: 1 })

/** What a reader hears when a log, or the rest of it, will not be served. */
const refuseRead = (asker: Asker, log: string, refused: Refusal): Reaction =>
  asker.extended
    ? { unwatch: true, reply: encodeResponse({ _tag: "Changes", publicKey: log, entries: [], more: false, refused }) }
    : { close: closing(refused) }

/** The same where the storage is why; only what is wrong with it is for the operator. */
export const unread = (asker: Asker, log: string, failed: StorageFailed): Reaction => {
  const refused = refusalOf(failed)
  return { ...refuseRead(asker, log, refused), ...(refused.code === "storage" ? { trouble: failed } : {}) }
}

/** What a reader has after a page, where it had what comes up to `before`. One that is ahead of the log waits for what comes next. */
export const lastOf = ({ head, runs }: Page, before: number): number => {
  const last = runs.at(-1)
  return last === undefined ? Math.min(before, head) : last.first + last.count - 1
}

/** `more` is for pages that were asked for; pushed ones follow each other by themselves. `memory` as for `encodeChanges`. */
export const pageFrame = (
  log: string,
  page: Page,
  { memory, more }: { readonly more?: boolean; readonly memory?: Uint8Array | undefined }
): Uint8Array => {
  const { batches, chain, floor, head, runs } = page
  let count = 0
  for (const run of runs) count += run.count
  return encodeChanges(
    {
      publicKey: log,
      head,
      batches,
      ...(more === undefined ? {} : { more }),
      ...(chain === undefined ? {} : { chain }),
      ...(floor === undefined ? {} : { floor: floor.sequence, floorChain: floor.chain })
    },
    runs.map(({ bytes }) => bytes),
    count,
    memory
  )
}

const refusalOf = ({ reason, what }: StorageFailed): Refusal => ({
  code: reason === "too-large" || reason === "retired" || reason === "quota" ? reason : "storage",
  reason: what
})

/** How a peer without our extra fields hears the same. */
const closing = ({ code, reason }: Refusal) => ({
  code: code === "too-large" ? CLOSE.tooLarge : code === "storage" ? CLOSE.tryAgain : CLOSE.policy,
  reason
})
