/**
 * What the hub does about one whole request: the reply, what watchers are to hear, who watches from now on. It asks the
 * storage and knows no sockets; `Hub.ts` carries its answer out.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { encodeChanges, encodeResponse } from "../protocol/Codec.ts"
import { CLOSE, ENTRY_BYTES, PAGE_BYTES } from "../protocol/Limits.ts"
import type { Changes, Refusal, Request, RequestChanges, WriteEntries } from "../protocol/Message.ts"
import type { Answer, Appended, HubStorage, Page, StorageFailed } from "./HubStorage.ts"
import { mayRead, mayWrite, type Peer } from "./Peer.ts"

export type Whole = Exclude<Request, { readonly _tag: "ChunkedMessage" }>

export interface Reaction {
  /** Frame for the sender, after everything that was published of this log before. */
  readonly reply?: Uint8Array
  readonly publish?: Published
  /** The sender's subscription from now on: `live`, or `catching` up by pages that are pushed. */
  readonly watch?: { readonly log: string; readonly sent: number; readonly mode: "live" | "catching" }
  readonly unwatch?: string
  readonly close?: { readonly code: number; readonly reason: string }
}

/** New entries of a log, in wire form. */
export interface Published {
  readonly log: string
  readonly appended: Appended & { readonly fresh: NonNullable<Appended["fresh"]> }
}

/** At once where the storage answers at once. Never fails: a failed storage is a refusal. */
export const respond = (storage: HubStorage, peer: Peer, request: Whole): Effect.Effect<Reaction> => {
  switch (request._tag) {
    case "Ping":
      return Either.right({ reply: encodeResponse({ _tag: "Pong", id: request.id }) })
    case "WriteEntries":
      return write(storage, peer, request)
    case "RequestChanges":
      return read(storage, peer, request)
    case "StopChanges":
      return Either.right({ unwatch: request.publicKey })
  }
}

const write = (storage: HubStorage, peer: Peer, request: WriteEntries): Effect.Effect<Reaction> => {
  const { encryptedEntries, id, iv, keep, publicKey } = request
  const refuse = (refused: Refusal): Reaction =>
    peer.extended
      ? { reply: encodeResponse({ _tag: "Ack", id, sequenceNumbers: [], refused }) }
      : { close: { code: refused.code === "too-large" ? CLOSE.tooLarge : CLOSE.policy, reason: refused.reason } }
  if (!mayWrite(peer.grant, publicKey)) {
    return Either.right(refuse({ code: "forbidden", reason: "this token may not write here" }))
  }
  if (encryptedEntries.some(({ encryptedEntry }) => encryptedEntry.byteLength > ENTRY_BYTES)) {
    return Either.right(refuse({ code: "too-large", reason: `an entry of more than ${ENTRY_BYTES} bytes` }))
  }
  if (encryptedEntries.length === 0) {
    return Either.right({ reply: encodeResponse({ _tag: "Ack", id, sequenceNumbers: [] }) })
  }
  return match(storage.append(publicKey, iv, encryptedEntries, keep === true), {
    onFailure: (failed) => refuse(refusalOf(failed)),
    onSuccess: (appended): Reaction => {
      const reply = encodeResponse({ _tag: "Ack", id, sequenceNumbers: appended.sequences })
      const { fresh } = appended
      return fresh === undefined ? { reply } : { reply, publish: { log: publicKey, appended: { ...appended, fresh } } }
    }
  })
}

const read = (storage: HubStorage, peer: Peer, request: RequestChanges): Effect.Effect<Reaction> => {
  const { limit, live, publicKey, startSequence } = request
  const refuse = (refused: Refusal): Reaction =>
    peer.extended
      ? { reply: encodeResponse({ _tag: "Changes", publicKey, entries: [], head: 0, more: false, refused }), unwatch: publicKey }
      : { close: { code: CLOSE.policy, reason: refused.reason } }
  if (!mayRead(peer.grant, publicKey)) {
    return Either.right(refuse({ code: "forbidden", reason: "this token may not read here" }))
  }
  const from = Math.max(1, startSequence)
  if (limit === undefined) return Either.right({ watch: { log: publicKey, sent: from - 1, mode: "catching" } })
  const page =
    limit === 0
      ? storage.page(publicKey, Number.MAX_SAFE_INTEGER, { bytes: 1, entries: 1 })
      : storage.page(publicKey, from, { bytes: PAGE_BYTES, entries: limit })
  return match(page, {
    onFailure: (failed) => refuse(refusalOf(failed)),
    onSuccess: (found): Reaction => {
      const last = limit === 0 ? from - 1 : lastOf(found, from)
      const more = last < found.head
      const reply = pageFrame(publicKey, found, { more })
      if (live === false) return { reply }
      return more ? { reply, unwatch: publicKey } : { reply, watch: { log: publicKey, sent: last, mode: "live" } }
    }
  })
}

/** The last sequence of a page that was asked for from `from`. */
export const lastOf = ({ runs }: Page, from: number) => {
  const last = runs.at(-1)
  return last === undefined ? from - 1 : last.first + last.count - 1
}

export const pageFrame = (log: string, page: Page, extra: Pick<Changes, "more">) => {
  const { batches, chain, head, runs } = page
  let count = 0
  for (const run of runs) count += run.count
  return encodeChanges(
    { publicKey: log, head, ...extra, batches, ...(chain === undefined ? {} : { chain }) },
    runs.map(({ bytes }) => bytes),
    count
  )
}

const refusalOf = ({ reason, what }: StorageFailed): Refusal => ({
  code: reason === "too-large" || reason === "retired" ? reason : "storage",
  reason: what
})

/** `Effect.match` that stays at once where the answer is. */
export const match = <A, B>(
  answer: Answer<A>,
  on: { readonly onFailure: (failed: StorageFailed) => B; readonly onSuccess: (a: A) => B }
): Effect.Effect<B> =>
  Either.isEither(answer)
    ? Either.right(
        Either.match(answer as Either.Either<A, StorageFailed>, { onLeft: on.onFailure, onRight: on.onSuccess })
      )
    : Effect.match(answer, on)
