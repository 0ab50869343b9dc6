/**
 * Keys as text that people copy: bech32m with the kind as its prefix, a version byte and a checksum, so a key that
 * was cut, mistyped or taken for another kind is told apart by name. What the bytes mean is `TenantKey.ts` and
 * `WriterKey.ts`.
 */
import { bech32m } from "@scure/base"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"

/** `what` is a sentence with the next step; it repeats nothing of the text, which may be a secret. */
export class UnreadableKey extends Schema.TaggedError<UnreadableKey>()("UnreadableKey", {
  reason: Schema.Literal("not a key", "kind", "checksum", "version", "length", "weak"),
  what: Schema.String
}) {
  override get message() {
    return this.what
  }
}

/** Prefix and name of each kind of key text. */
export const KINDS = {
  reader: { prefix: "asr", name: "reader key" },
  recorder: { prefix: "asw", name: "recorder key" },
  writer: { prefix: "asj", name: "writer key" }
} as const
export type TextKind = keyof typeof KINDS

const VERSION = 1

export const write = (kind: TextKind, bytes: Uint8Array): string =>
  bech32m.encode(KINDS[kind].prefix, bech32m.toWords(Uint8Array.of(VERSION, ...bytes)), false)

/** The kind a text says it is; undefined where it is no key text of ours. */
export const kindOfText = (text: string): TextKind | undefined => {
  const start = text.slice(0, 4).toLowerCase()
  if (start === "asr1") return "reader"
  if (start === "asw1") return "recorder"
  return start === "asj1" ? "writer" : undefined
}

/** The `length` bytes of a text whose kind is already known. `again` tells how to get a good copy. */
export const read = (
  kind: TextKind,
  text: string,
  length: number,
  again: string
): Either.Either<Uint8Array, UnreadableKey> => {
  const { name } = KINDS[kind]
  // The limit of 90 characters guards a promise about error positions that we do not use.
  const words = bech32m.decodeUnsafe(text, false)?.words
  const payload = words === undefined ? undefined : bech32m.fromWordsUnsafe(words)
  if (!(payload instanceof Uint8Array)) {
    return unreadable("checksum", `This ${name} is damaged: its checksum does not fit. ${again}`)
  }
  const version = payload[0]
  if (version === undefined) return unreadable("length", `This ${name} is empty. ${again}`)
  if (version !== VERSION) {
    return unreadable(
      "version",
      `This ${name} is of version ${version}, and this agent-sync reads version ${VERSION}. Upgrade agent-sync.`
    )
  }
  const bytes = payload.subarray(1)
  return bytes.byteLength === length
    ? Either.right(bytes)
    : unreadable("length", `This ${name} holds ${bytes.byteLength} bytes instead of ${length}. ${again}`)
}

export const unreadable = (reason: UnreadableKey["reason"], what: string): Either.Either<never, UnreadableKey> =>
  Either.left(new UnreadableKey({ reason, what }))
