/** Thousands of frames that nobody should send, at a real hub over real sockets, beside a peer that works on undisturbed. */
import { describe, expect, test } from "bun:test"
import * as fc from "effect/FastCheck"
import { pack } from "msgpackr"
import { decodeResponse, encodeRequest } from "../../sdk/src/protocol/Codec.ts"
import type { Request, Response } from "../../sdk/src/protocol/Message.ts"
import { right } from "../support/right.ts"
import { afterThisTest } from "../support/undo.ts"

const FRAMES = 3_000
const CODES = [1003, 1007, 1008, 1009]

interface Peer {
  readonly socket: WebSocket
  readonly heard: Array<Response>
  readonly closed: Promise<number>
  readonly until: (found: (message: Response) => boolean) => Promise<Response>
}

const open = (url: string, protocols: Array<string> = ["agent-sync"]) =>
  new Promise<Peer>((resolve) => {
    const socket = new WebSocket(url, { protocols })
    socket.binaryType = "arraybuffer"
    const heard: Array<Response> = []
    const looking = new Set<() => void>()
    const closed = new Promise<number>((done) => socket.addEventListener("close", ({ code }) => done(code)))
    const until: Peer["until"] = (found) =>
      new Promise((done) => {
        const look = () => {
          const message = heard.find(found)
          if (message === undefined) return
          looking.delete(look)
          done(message)
        }
        looking.add(look)
        look()
      })
    socket.addEventListener("message", ({ data }: MessageEvent<ArrayBuffer | string>) => {
      if (typeof data === "string") return
      heard.push(right(decodeResponse(new Uint8Array(data))))
      for (const look of [...looking]) look()
      if (heard.length === 1) resolve({ socket, heard, closed, until })
    })
    afterThisTest(() => socket.close())
  })

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const good: fc.Arbitrary<Request> = fc.oneof(
  fc.record({
    _tag: fc.constant("WriteEntries" as const),
    publicKey: fc.constantFrom("a", "b"),
    id: fc.nat(),
    iv: bytes(12),
    encryptedEntries: fc.array(fc.record({ entryId: bytes(16), encryptedEntry: fc.uint8Array({ maxLength: 60 }) }), {
      maxLength: 5
    })
  }),
  fc.record({
    _tag: fc.constant("RequestChanges" as const),
    publicKey: fc.constantFrom("a", "b"),
    startSequence: fc.nat(50),
    limit: fc.nat(9)
  }),
  fc.record({ _tag: fc.constant("StopChanges" as const), publicKey: fc.constant("a") }),
  fc.record({ _tag: fc.constant("Ping" as const), id: fc.nat() }),
  fc.record({
    _tag: fc.constant("ChunkedMessage" as const),
    id: fc.nat(3),
    part: fc.tuple(fc.nat(4), fc.nat(5)),
    data: fc.uint8Array({ maxLength: 90 })
  })
)
/** The same shapes with values that do not belong there. */
const odd = fc.constantFrom<unknown>(
  -1,
  1.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  2 ** 60,
  "",
  "x".repeat(10_240),
  "a\nb",
  null,
  [],
  {},
  new Uint8Array(3),
  true
)
const frame: fc.Arbitrary<Uint8Array | string> = fc.oneof(
  good.map((request) => encodeRequest(request)),
  fc
    .tuple(
      good,
      fc.constantFrom("_tag", "publicKey", "id", "iv", "encryptedEntries", "startSequence", "limit", "part", "data"),
      odd
    )
    .map(([request, name, value]) => pack({ ...request, [name]: value })),
  fc.tuple(good, fc.nat(), fc.nat(7)).map(([request, at, bit]) => {
    const turned = Uint8Array.from(encodeRequest(request))
    turned[at % turned.length]! ^= 1 << bit
    return turned
  }),
  fc.tuple(good, fc.nat()).map(([request, at]) => encodeRequest(request).slice(0, at % 200)),
  fc
    .tuple(good, fc.uint8Array({ maxLength: 9 }))
    .map(([request, more]) => Uint8Array.from([...encodeRequest(request), ...more])),
  fc.uint8Array({ maxLength: 300 }),
  fc.string({ maxLength: 40 })
)

export interface Target {
  /** The address of a tenant with nothing in it. */
  readonly url: string
  /** Names of the logs that are stored. */
  readonly logs: () => Promise<ReadonlyArray<string>>
}

export const fuzzSuite = (name: string, startHub: () => Promise<Target>) =>
  describe(`a hub under fire (${name})`, () => {
    test("no frame hangs it, ends it, or disturbs another peer", async () => {
      const { logs, url } = await startHub()
      const witness = await open(url)
      witness.socket.send(
        encodeRequest({ _tag: "RequestChanges", publicKey: "witness", startSequence: 0, limit: 10, live: true })
      )
      let hostile = await open(url)
      let refused = 0
      let id = 0
      for (const shot of fc.sample(frame, { numRuns: FRAMES, seed: 20_261_124 })) {
        if (hostile.socket.readyState !== WebSocket.OPEN) {
          expect(CODES).toContain(await hostile.closed)
          refused++
          hostile = await open(url)
        }
        hostile.socket.send(shot)
        // What follows is answered behind it, unless the socket is closed.
        const asked = 2 ** 40 + id
        hostile.socket.send(encodeRequest({ _tag: "Ping", id: asked }))
        await Promise.race([
          hostile.until((message) => message._tag === "Pong" && message.id === asked),
          hostile.closed
        ])
        if (++id % 100 > 0) continue
        // The witness writes and hears itself, while the other shoots.
        const entryId = crypto.getRandomValues(new Uint8Array(16))
        witness.socket.send(
          encodeRequest({
            _tag: "WriteEntries",
            publicKey: "witness",
            id,
            iv: new Uint8Array(12),
            encryptedEntries: [{ entryId, encryptedEntry: entryId }]
          })
        )
        expect(await witness.until((message) => message._tag === "Ack" && message.id === id)).toMatchObject({
          sequenceNumbers: [id / 100]
        })
      }
      expect(refused).toBeGreaterThan(100)
      expect(witness.socket.readyState).toBe(WebSocket.OPEN)
      const told = witness.heard.flatMap((message) =>
        message._tag === "Changes" ? message.entries.map(({ sequence }) => sequence) : []
      )
      expect(told).toEqual(Array.from({ length: FRAMES / 100 }, (_, i) => i + 1))
      expect([...(await logs())].sort()).toEqual(["a", "b", "witness"])
    }, 120_000)

    test("five hundred logs on one socket are each told their own", async () => {
      const { url } = await startHub()
      const [reader, writer] = [await open(url), await open(url, [])]
      for (let n = 0; n < 500; n++) {
        reader.socket.send(
          encodeRequest({ _tag: "RequestChanges", publicKey: `log-${n}`, startSequence: 0, limit: 5, live: true })
        )
      }
      await reader.until((message) => message._tag === "Changes" && message.publicKey === "log-499")
      for (let n = 0; n < 500; n++) {
        const entryId = crypto.getRandomValues(new Uint8Array(16))
        writer.socket.send(
          encodeRequest({
            _tag: "WriteEntries",
            publicKey: `log-${n}`,
            id: n,
            iv: new Uint8Array(12),
            encryptedEntries: [{ entryId, encryptedEntry: entryId }]
          })
        )
      }
      await reader.until(
        (message) => message._tag === "Changes" && message.publicKey === "log-499" && message.entries.length === 1
      )
      const told = reader.heard.flatMap((message) =>
        message._tag === "Changes" && message.entries.length > 0 ? [message.publicKey] : []
      )
      expect(told).toEqual(Array.from({ length: 500 }, (_, n) => `log-${n}`))
    })
  })
