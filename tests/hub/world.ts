/**
 * A hub with sockets in memory: a test writes requests, rules how slow each socket is, and sees every message that
 * came out of it, whole and decoded. Turns of the event loop pass when the test says so.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { makeHub } from "../../sdk/src/hub/Hub.ts"
import type { HubStorage } from "../../sdk/src/hub/HubStorage.ts"
import type { Rights } from "../../sdk/src/hub/Peer.ts"
import { makeJoiner } from "../../sdk/src/protocol/Chunks.ts"
import * as Codec from "../../sdk/src/protocol/Codec.ts"
import type { Ack, Changes, Request, Response, SealedEntry, WriteEntries } from "../../sdk/src/protocol/Message.ts"

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

/** One that a test rules. */
export interface RuledSocket extends Socket {
  /** Bytes that wait in the socket. */
  stuck: number
  /** What waited has left. */
  readonly drain: () => void
  /** From now on every send throws. */
  readonly breakDown: () => void
}

/** A hub and its sockets, wherever they are. */
export interface World<S extends Socket = Socket> {
  readonly connect: (options?: Partial<Rights> & { readonly extended?: boolean }) => S
  /** Waits until nothing happens any more. */
  readonly settle: () => Promise<void>
}

export interface RuledWorld extends World<RuledSocket> {
  readonly hub: ReturnType<typeof makeHub>
  /** One turn of the event loop. */
  readonly turn: () => void
  readonly troubles: ReadonlyArray<string>
  /** Milliseconds since 1970. */
  now: number
}

export const makeWorld = (given: HubStorage): RuledWorld => {
  /** Questions that the storage has not answered yet. */
  let asked = 0
  const storage = counting(given, (change) => {
    asked += change
  })
  let later: Array<() => void> = []
  let happened = 0
  const troubles: Array<string> = []
  const world: RuledWorld = {
    now: 0,
    troubles,
    hub: makeHub({
      storage,
      now: () => world.now,
      later: (run) => void later.push(run),
      onTrouble: (what) => void troubles.push(what)
    }),
    turn: () => {
      const due = later
      later = []
      for (const run of due) run()
    },
    settle: async () => {
      for (let quiet = 0; quiet < 3; ) {
        const before = happened
        quiet = later.length === 0 && asked === 0 ? quiet + 1 : 0
        world.turn()
        await new Promise((resolve) => setTimeout(resolve, 0))
        if (happened !== before) quiet = 0
      }
    },
    connect: ({ extended = true, ...rights } = {}) => {
      const ear = makeEar()
      let broken = false
      const connection = world.hub.open({
        extended,
        grant: { roles: ["read", "write"], ...rights },
        buffered: () => socket.stuck,
        close: (code, reason) => {
          ear.closes.push({ code, reason })
          connection?.closed()
        },
        send: (frame) => {
          happened++
          if (broken) throw new Error("this socket is dead")
          ear.hear(typeof frame === "string" ? frame : frame.slice())
        }
      })
      const socket: RuledSocket = {
        ...ear,
        stuck: 0,
        write: (frame) => {
          happened++
          connection.receive(
            typeof frame === "string" || frame instanceof Uint8Array ? frame : Codec.encodeRequest(frame)
          )
        },
        drain: () => {
          socket.stuck = 0
          connection.drained()
        },
        breakDown: () => {
          broken = true
        },
        leave: () => connection.closed()
      }
      return socket
    }
  }
  return world
}

/** What comes out of a socket, for a test to look at. */
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
      (message) => message._tag === "Changes" && (log ?? message.publicKey) === message.publicKey
    ) as Array<Changes>
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

/** The same storage; tells when a question begins and when it is answered, where that takes time. */
const counting = (storage: HubStorage, change: (by: 1 | -1) => void): HubStorage =>
  new Proxy(storage, {
    get: (target, name, self) => {
      const value: unknown = Reflect.get(target, name, self)
      if (typeof value !== "function") return value
      return (...args: ReadonlyArray<unknown>) => {
        const answer: unknown = Reflect.apply(value, target, args)
        if (!Effect.isEffect(answer) || Either.isEither(answer)) return answer
        return Effect.acquireUseRelease(
          Effect.sync(() => change(1)),
          () => answer,
          () => Effect.sync(() => change(-1))
        )
      }
    }
  })

export type MakeStorage = () => HubStorage | Promise<HubStorage>
export type MakeWorld = () => World | Promise<World>
export type MakeRuledWorld = () => RuledWorld | Promise<RuledWorld>

/** A hub that is ready. */
export const startOn = async <W extends World>(make: () => W | Promise<W>): Promise<W> => {
  const world = await make()
  await world.settle()
  return world
}

/** A socket that was greeted. */
export const connected = async <S extends Socket>(
  world: World<S>,
  options?: Parameters<World["connect"]>[0]
): Promise<S> => {
  const socket = world.connect(options)
  await world.settle()
  return socket
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
