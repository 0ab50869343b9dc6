/** The hub suites' world over real sockets to a workerd: every world is a tenant of its own. */
import * as Either from "effect/Either"
import type { Rights } from "../../sdk/src/hub/Peer.ts"
import { decodeRequest, encodeRequest } from "../../sdk/src/protocol/Codec.ts"
import { CHUNK_PARTS } from "../../sdk/src/protocol/Limits.ts"
import type { Request } from "../../sdk/src/protocol/Message.ts"
import { makeEar, type World } from "../hub/world.ts"
import type { Workerd } from "../support/workerd.ts"

let tenants = 0
/** Ids of pings that ask whether all was answered; no test uses such a large one. */
const ASKING = 2 ** 40
let asked = ASKING

export interface WorkerdOptions {
  /** The object is dropped from memory before every message of a test and when it waits, unless a message is half sent. */
  readonly evicting?: boolean
}

export const makeWorkerdWorld = ({ evict, url }: Workerd, { evicting = false }: WorkerdOptions = {}): World => {
  const tenant = `tenant-${++tenants}`
  const sockets: Array<{ ask: () => Promise<void>; count: () => number }> = []
  /** Sends happen one behind the other, whichever socket they are for. */
  let sending: Promise<unknown> = Promise.resolve()
  const inTurn = (act: () => unknown) => {
    sending = sending.then(act)
  }
  /** Chunked messages that are half sent. */
  let halves = 0
  const drop = async () => {
    if (!evicting || halves > 0) return
    // workerd does not let go of an object while a close is on its way to a client.
    await Bun.sleep(3)
    await evict(tenant)
  }
  const heardByAll = () => sockets.reduce((sum, { count }) => sum + count(), 0)

  return {
    connect: ({ extended = true, ...given } = {}) => {
      const rights: Rights = { roles: ["read", "write"], ...given }
      const socket = new WebSocket(`${url}/${tenant}?rights=${encodeURIComponent(JSON.stringify(rights))}`, {
        protocols: extended ? ["agent-sync"] : []
      })
      socket.binaryType = "arraybuffer"
      const ear = makeEar()
      const waiting = new Map<number, () => void>()
      const opened = new Promise<void>((resolve) => {
        socket.addEventListener("open", () => resolve())
        socket.addEventListener("close", () => resolve())
      })
      let gone = false
      const settleAsked = () => {
        gone = true
        for (const done of waiting.values()) done()
      }
      socket.addEventListener("close", ({ code, reason }) => {
        if (!gone) ear.closes.push({ code, reason })
        settleAsked()
      })
      socket.addEventListener("message", ({ data }: MessageEvent<ArrayBuffer | string>) => {
        if (gone) return
        ear.hear(typeof data === "string" ? data : new Uint8Array(data))
        const last = ear.heard.at(-1)
        if (last?._tag !== "Pong" || last.id <= ASKING) return
        ear.heard.pop()
        ear.frames.pop()
        waiting.get(last.id)?.()
        waiting.delete(last.id)
      })
      inTurn(() => opened)

      const send = (frame: Uint8Array | string) =>
        inTurn(async () => {
          if (socket.readyState !== WebSocket.OPEN) return
          const part = partOf(frame)
          await drop()
          if (socket.readyState !== WebSocket.OPEN) return
          if (part?.[0] === 0 && part[1] > 1) halves++
          if (part !== undefined && part[0] === part[1] - 1 && part[0] > 0) halves--
          socket.send(frame as Uint8Array<ArrayBuffer> | string)
        })
      sockets.push({
        count: () => ear.heard.length + ear.texts.length + ear.closes.length,
        ask: () =>
          new Promise((resolve) => {
            if (gone) return resolve()
            const id = ++asked
            waiting.set(id, resolve)
            inTurn(() => socket.send(encodeRequest({ _tag: "Ping", id }) as Uint8Array<ArrayBuffer>))
          })
      })
      return {
        ...ear,
        write: (frame: Request | Uint8Array | string) =>
          send(typeof frame === "string" || frame instanceof Uint8Array ? frame : encodeRequest(frame)),
        leave: () =>
          inTurn(() => {
            settleAsked()
            socket.close(1000)
          })
      }
    },
    settle: async () => {
      inTurn(drop)
      for (let quiet = 0; quiet < 2; ) {
        const before = heardByAll()
        await sending
        await Promise.all(sockets.map(({ ask }) => ask()))
        await Bun.sleep(2)
        quiet = heardByAll() === before ? quiet + 1 : 0
      }
    }
  }
}

/** Of a chunk. */
const partOf = (frame: Uint8Array | string): readonly [number, number] | undefined => {
  if (typeof frame === "string") return undefined
  const request = decodeRequest(frame)
  if (Either.isLeft(request) || request.right._tag !== "ChunkedMessage") return undefined
  const { part } = request.right
  return part[1] <= CHUNK_PARTS ? part : undefined
}
