/**
 * What a share link says: one session's logs with the keys that open them and the signing keys of their writers, and
 * one token that reads just these logs. As text it is URL-safe, with a version and a checksum, and goes into a URL's
 * fragment, which never leaves the browser. Whoever has it can read that session, and nothing else.
 */
import { sha256 } from "@noble/hashes/sha2.js"
import { concatBytes, utf8ToBytes } from "@noble/hashes/utils.js"
import { base64urlnopad } from "@scure/base"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { type LogId, SessionId, TenantId } from "../domain/Ids.ts"
import { KEY_BYTES } from "./Aead.ts"
import { WRITER_BYTES } from "./Envelope.ts"
import { LOG_ID_BYTES, logIdBytes, logIdFrom } from "./LogKey.ts"

export interface SharedWriter {
  /** 16 bytes, as envelopes name it. */
  readonly id: Uint8Array
  /** Ed25519 public key, 32 bytes. */
  readonly signer: Uint8Array
}

/** One of the session's logs, with what opens it and whose signatures count in it. */
export interface SharedLog {
  readonly log: LogId
  /** 32 bytes; opens the log. */
  readonly key: Uint8Array
  readonly writers: ReadonlyArray<SharedWriter>
}

/** One session to read, and nothing else: a secret as a whole. */
export interface ShareLink {
  readonly tenant: TenantId
  readonly session: SessionId
  /** `ws://` or `wss://` with the tenant in its path; absent where the page's own origin is the hub. */
  readonly hub?: string
  /** At most 255. */
  readonly logs: ReadonlyArray<SharedLog>
  /** A signed token; its three parts are letters, digits, dashes, underscores and dots. */
  readonly token: string
}

/** `what` is a sentence with the next step; it repeats nothing of the link, which is a secret. */
export class UnreadableLink extends Schema.TaggedError<UnreadableLink>()("UnreadableLink", {
  reason: Schema.Literal("not a link", "checksum", "version", "shape"),
  what: Schema.String
}) {
  override get message() {
    return this.what
  }
}

const PREFIX = "ass"
const VERSION = 1
const SIGNER_BYTES = 32
const CHECKSUM_BYTES = 4
const MOST = 255
const LABEL = utf8ToBytes("agent-sync share 1")

/** `ass1<base64url of the body and 4 bytes of checksum>.<token>`. The checksum covers the token too. */
export const print = ({ hub = "", logs, session, tenant, token }: ShareLink): string => {
  if (logs.length === 0 || logs.length > MOST) throw new RangeError(`A share link names 1 to ${MOST} logs`)
  if (!isToken(token)) throw new RangeError("A share link carries a signed token")
  const body = concatBytes(
    counted(utf8ToBytes(tenant)),
    counted(utf8ToBytes(session)),
    counted(utf8ToBytes(hub)),
    Uint8Array.of(logs.length),
    ...logs.flatMap(({ key, log, writers }) => {
      if (writers.length > MOST) throw new RangeError(`A share link names at most ${MOST} writers of a log`)
      return [logIdBytes(log), key, Uint8Array.of(writers.length), ...writers.flatMap(({ id, signer }) => [id, signer])]
    })
  )
  return `${PREFIX}${VERSION}${base64urlnopad.encode(concatBytes(body, checksum(body, token)))}.${token}`
}

/** Total. */
export const parse = (text: string): Either.Either<ShareLink, UnreadableLink> => {
  // The base64url behind the version may begin with a digit too, so a version is one character.
  const [, version, packed = "", token = ""] =
    /^ass([0-9a-z])([A-Za-z0-9_-]*)(?:\.(.*))?$/.exec(text.trim().replace(/^[^#]*#share=/, "")) ?? []
  if (version === undefined) return unreadable("not a link", `This is no share link. ${AGAIN}`)
  if (version !== String(VERSION)) {
    return unreadable(
      "version",
      `This share link is of version ${version}, and this agent-sync reads version ${VERSION}. Upgrade agent-sync.`
    )
  }
  const bytes = decoded(packed)
  if (bytes === undefined || !isToken(token) || bytes.byteLength <= CHECKSUM_BYTES) return damaged
  const body = bytes.subarray(0, -CHECKSUM_BYTES)
  const sum = checksum(body, token)
  if (!bytes.subarray(-CHECKSUM_BYTES).every((byte, i) => byte === sum[i])) return damaged
  const link = read(body, token)
  return link === undefined
    ? unreadable("shape", `This share link is not what agent-sync makes. ${AGAIN}`)
    : Either.right(link)
}

const AGAIN = "Copy it again, whole; `agent-sync share` makes one."

const unreadable = (reason: UnreadableLink["reason"], what: string): Either.Either<never, UnreadableLink> =>
  Either.left(new UnreadableLink({ reason, what }))
const damaged = unreadable("checksum", `This share link is damaged or cut: its checksum does not fit. ${AGAIN}`)

const isToken = (text: string) => /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}$/.test(text)

const checksum = (body: Uint8Array, token: string) =>
  sha256(concatBytes(LABEL, body, utf8ToBytes(token))).subarray(0, CHECKSUM_BYTES)

/** Length u16, then the bytes. */
const counted = (bytes: Uint8Array) => concatBytes(Uint8Array.of(bytes.byteLength >> 8, bytes.byteLength & 0xff), bytes)

const decoded = (text: string) => {
  try {
    return base64urlnopad.decode(text)
  } catch {
    return undefined
  }
}

const isTenant = Schema.is(TenantId)
const isSession = Schema.is(SessionId)
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** Undefined where the body is not exactly one link. */
const read = (body: Uint8Array, token: string): ShareLink | undefined => {
  let at = 0
  // What is not there is not missed here: `at` is then behind the end.
  const take = (length: number) => {
    at += length
    return body.slice(at - length, at)
  }
  const count = () => take(1)[0]!
  const text = () => utf8.decode(take(count() * 256 + count()))
  const list = <A>(one: () => A) => Array.from({ length: count() }, one)
  try {
    const tenant = text()
    const session = text()
    const hub = text()
    const logs = list(() => ({
      log: logIdFrom(take(LOG_ID_BYTES)),
      key: take(KEY_BYTES),
      writers: list(() => ({ id: take(WRITER_BYTES), signer: take(SIGNER_BYTES) }))
    }))
    const whole = at === body.byteLength && logs.length > 0 && (hub === "" || isHub(hub))
    if (!whole || !isTenant(tenant) || !isSession(session)) return undefined
    return { tenant, session, ...(hub === "" ? {} : { hub }), logs, token }
  } catch {
    return undefined
  }
}

const isHub = (text: string) => /^wss?:\/\//.test(text) && URL.canParse(text)
