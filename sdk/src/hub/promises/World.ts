/**
 * What the promises of a hub are asked through: sockets that keep all they hear, wherever the hub is, and the requests and
 * entries that are sent. A world over real sockets is `overSockets.ts`; tests have others.
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { makeJoiner, split } from "../../protocol/Chunks.ts"
import * as Codec from "../../protocol/Codec.ts"
import type { Ack, Changes, Request, Response, SealedEntry, WriteEntries } from "../../protocol/Message.ts"
import type { Explanation } from "../../sync/Link.ts"
import type { Rights } from "../Peer.ts"

export interface Socket {
  readonly write: (frame: Request | Uint8Array | string) => void
  /** Every message so far, chunks joined. */
  readonly heard: ReadonlyArray<Response>
  readonly texts: ReadonlyArray<string>
  /** Sizes of the binary frames so far, in bytes. */
  readonly frames: ReadonlyArray<number>
  readonly closes: ReadonlyArray<{ readonly code: number; readonly reason: string }>
  readonly acks: () => ReadonlyArray<Ack>
  readonly changes: (log?: string) => ReadonlyArray<Changes>
  /** Sequences that came for a log, in the order they came. */
  readonly sequences: (log?: string) => ReadonlyArray<number>
  readonly leave: () => void
}

/** A hub and its sockets, wherever they are; its logs are its own. */
export interface World<S extends Socket = Socket> {
  readonly connect: (options?: Partial<Rights> & { readonly extended?: boolean }) => S
  /** Waits until nothing happens any more. */
  readonly settle: () => Promise<void>
  /** A request as it stands on the wire, where logs have other names there than promises call them. */
  readonly onWire?: (request: Request) => Request
  /** What a plain GET of the hub's address is told, with the token of this test or with one that is nobody's. */
  readonly knock?: (whose: "ours" | "nobody's") => Promise<Explanation>
  /** As whoever administers the hub: retires a log. */
  readonly retire?: (log: string) => Promise<void>
}

/** A promise that a hub did not keep. `what` is a sentence for whoever wrote or runs the hub. */
export class Broken extends Schema.TaggedError<Broken>()("Broken", { what: Schema.String }) {
  override get message() {
    return this.what
  }
}

/** One thing that peers may rely on, and how it is asked. */
export interface HubPromise {
  /** A sentence, of which the hub is the subject. */
  readonly name: string
  /**
   * What there must be for it to be asked: `extension` a hub that announces our extensions, `rights` tokens of any roles,
   * `admin` a token that removes what is made, `door` a hub that asks for a token.
   */
  readonly needs: ReadonlyArray<Need>
  /** Rejects with `Broken` where it is not kept. */
  readonly ask: (start: () => Promise<World>) => Promise<void>
}
export type Need = "extension" | "rights" | "admin" | "door"

/** What came, held against what must come; both are shown where they differ. */
export const same = (got: unknown, wanted: unknown, what: string): void => {
  const [is, must] = [shown(got), shown(wanted)]
  if (is !== must) throw new Broken({ what: `${what}: it should be ${brief(must)}, and is ${brief(is)}.` })
}

export const ensure = (holds: boolean, what: string): void => {
  if (!holds) throw new Broken({ what: `${what}.` })
}

const shown = (value: unknown) => JSON.stringify(value) ?? "nothing"
const brief = (text: string) => (text.length > 80 ? `${text.slice(0, 80)}…` : text)

/** A request as the frames of a chunked message, though it may fit one. */
export const chunked = ({ onWire }: World, id: number, request: Request): ReadonlyArray<Uint8Array> =>
  split(id, Codec.encodeRequest(onWire?.(request) ?? request)).map((frame) => frame.slice())

/** A socket that was greeted. */
export const connected = async <S extends Socket>(
  world: World<S>,
  options?: Parameters<World["connect"]>[0]
): Promise<S> => {
  const socket = world.connect(options)
  await world.settle()
  return socket
}

/** What comes out of a socket, to look at. */
export const makeEar = () => {
  const heard: Array<Response> = []
  const texts: Array<string> = []
  const frames: Array<number> = []
  const closes: Array<{ code: number; reason: string }> = []
  const joiner = makeJoiner()
  const listen = (frame: Uint8Array) => {
    const message = Either.getOrThrow(Codec.decodeResponse(frame))
    if (message._tag !== "ChunkedMessage") return void heard.push(message)
    const whole = Either.getOrThrow(joiner.add(message, 0))
    if (whole !== undefined) listen(whole)
  }
  const changes = (log?: string) =>
    heard.filter(
      (message): message is Changes => message._tag === "Changes" && (log ?? message.publicKey) === message.publicKey
    )
  return {
    heard,
    texts,
    frames,
    closes,
    changes,
    acks: () => heard.filter((message): message is Ack => message._tag === "Ack"),
    sequences: (log?: string) => changes(log).flatMap(({ entries }) => entries.map(({ sequence }) => sequence)),
    hear: (frame: Uint8Array | string) => {
      if (typeof frame === "string") return void texts.push(frame)
      frames.push(frame.byteLength)
      listen(frame)
    }
  }
}

let ids = 0
/** An entry that is like no other. */
export const entry = (bytes = 40): SealedEntry => {
  const entryId = new Uint8Array(16)
  new DataView(entryId.buffer).setUint32(12, ++ids)
  const encryptedEntry = new Uint8Array(bytes)
  for (let i = 0; i < bytes; i++) encryptedEntry[i] = (ids + i) & 0xff
  return { entryId, encryptedEntry }
}
export const entries = (count: number, bytes?: number) => Array.from({ length: count }, () => entry(bytes))

const iv = new Uint8Array(12).fill(7)
let writes = 0
export const writing = (log: string, encryptedEntries: ReadonlyArray<SealedEntry>, id = ++writes): WriteEntries => ({
  _tag: "WriteEntries",
  publicKey: log,
  id,
  iv,
  encryptedEntries
})
export const following = (log: string, startSequence = 1): Request => ({
  _tag: "RequestChanges",
  publicKey: log,
  startSequence
})
export const asking = (log: string, startSequence: number, limit: number, live?: boolean): Request => ({
  _tag: "RequestChanges",
  publicKey: log,
  startSequence,
  limit,
  ...(live === undefined ? {} : { live })
})
export const stopping = (log: string): Request => ({ _tag: "StopChanges", publicKey: log })
export const upTo = (last: number, from = 1) => Array.from({ length: last - from + 1 }, (_, i) => from + i)
