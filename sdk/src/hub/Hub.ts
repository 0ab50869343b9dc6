/**
 * The hub of one tenant: frames in, messages out. It greets, joins chunks, asks `respond` and carries out what that
 * says; `Channel` tells watchers, `Member` knows the socket. Bun and the Durable Object only deliver to it.
 * Messages are handled as they come, without a fiber; the only timer is `later`.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { type Joiner, makeJoiner } from "../protocol/Chunks.ts"
import { decodeRequest, encodeResponse } from "../protocol/Codec.ts"
import { CLOSE, MESSAGE_BYTES, PEER_LOGS } from "../protocol/Limits.ts"
import type { ChunkedMessage, HubCapabilities, Ping } from "../protocol/Message.ts"
import { type Channel, makeChannel } from "./Channel.ts"
import type { HubStorage, StorageFailed } from "./HubStorage.ts"
import { type Member, makeMember } from "./Member.ts"
import { ALL, type Peer, type Remembered, type Rights } from "./Peer.ts"
import { makeQueue, match } from "./Queue.ts"
import { limited, type Quotas } from "./Quotas.ts"
import { type Reaction, respond, unread, type Whole } from "./respond.ts"

/** One tenant's hub, and what it stands on. */
export interface HubOptions {
  readonly storage: HubStorage
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Runs in a later turn of the event loop: `setTimeout 0`, which lets a Durable Object hibernate. */
  readonly later: (run: () => void) => void
  /** What the tenant may have; without limits where it is absent. */
  readonly quotas?: Quotas
  /** The storage failed; the peer was told. `what` is a sentence for the operator. */
  readonly onTrouble?: (what: string, cause: unknown) => void
}

/** What a platform calls for one socket, from the opening to the end. */
export interface Connection {
  /** A frame as it came. Its memory is the hub's from now on: a storage may need it until it answers. */
  readonly receive: (frame: Uint8Array | string) => void
  /** The socket took what waited in it. */
  readonly drained: () => void
  /** The socket is gone; nothing is sent to it after this. */
  readonly closed: () => void
}

/** One tenant's hub, as its platform drives it. */
export interface Hub {
  /** Greets a new socket. */
  readonly open: (peer: Peer) => Connection
  /** A peer whose socket outlived the hub it was opened at: it was greeted then, and hears what it has not been sent. */
  readonly resume: (peer: Peer, before: Remembered) => Connection
  /** Sockets that are open. */
  readonly peers: () => number
  /** See `HubStorage.retire`; who watches one of the logs is told. */
  readonly retire: HubStorage["retire"]
  /** See `HubStorage.trim`. Who watches has, or is told, what stays. */
  readonly trim: HubStorage["trim"]
  /** See `HubStorage.erase`. Every socket is closed: who comes back meets a new hub. */
  readonly erase: HubStorage["erase"]
  /** See `HubStorage.revoke`; the token's open sockets are closed with 4401. */
  readonly revoke: HubStorage["revoke"]
  /** Closes the sockets of these rights: a token was revoked, or has expired. */
  readonly expel: (match: (rights: Rights) => boolean, code: number, reason: string) => void
  /** Closes every socket; the storage stays open. */
  readonly end: (code: number, reason: string) => void
}

/** Begins without peers; the storage stays the caller's to close. */
export const makeHub = (options: HubOptions): Hub => {
  const { later, now, quotas = {} } = options
  const storage = limited(options.storage, quotas, now)
  const channels = new Map<string, Channel>()
  /** With the logs that each watches. */
  const members = new Map<Member, Set<string>>()

  const trouble = (what: string, cause: unknown) => options.onTrouble?.(what, cause)
  const broken = (member: Member, cause: unknown) => {
    trouble("The hub's storage broke down.", cause)
    member.end(CLOSE.tryAgain, "the hub's storage broke down")
  }

  const channelOf = (log: string): Channel => {
    const known = channels.get(log)
    if (known !== undefined) return known
    const channel = makeChannel({
      log,
      storage,
      now,
      later,
      onTrouble: (member, failed) => {
        carryOut(log, member, unread(member, log, failed))
      },
      onBroken: broken,
      onIdle: () => {
        // One that was used a moment ago will be used again: making it costs more than a small write does.
        if (channels.size > IDLE_CHANNELS && channels.get(log) === channel) channels.delete(log)
      }
    })
    channels.set(log, channel)
    return channel
  }

  const carryOut = (log: string, member: Member, reaction: Reaction) => {
    const { ack, close, publish, reply, trouble: failed, unwatch, watch } = reaction
    const channel = channelOf(log)
    const logs = members.get(member)
    if (failed !== undefined) trouble(failed.what, failed)
    // What was stored is told, even where its writer is gone.
    if (publish !== undefined) channel.publish(publish)
    if (member.gone()) return
    if (unwatch === true) {
      channel.unwatch(member)
      logs?.delete(log)
    }
    if (reply !== undefined) member.send(reply)
    if (ack !== undefined) channel.acknowledge(member, ack.frame, ack.head)
    if (watch !== undefined && !member.gone()) {
      if (logs !== undefined && logs.size >= PEER_LOGS && !logs.has(log)) {
        return member.end(CLOSE.policy, `one connection watches at most ${PEER_LOGS} logs`)
      }
      logs?.add(log)
      channel.watch(member, watch.sent, watch.mode)
    }
    if (close !== undefined) member.end(close.code, close.reason)
  }

  /** `bytes` are the message's. */
  const handle = (member: Member, request: Whole | Ping, bytes: number) => {
    if (request._tag === "Ping") return member.send(encodeResponse({ _tag: "Pong", id: request.id }))
    const log = request.publicKey
    const ask = () => {
      if (!member.asks(bytes)) return
      channelOf(log).ask(
        () => respond(storage, member, request),
        (reaction) => {
          member.answered(bytes)
          carryOut(log, member, reaction)
        },
        (cause) => broken(member, cause)
      )
    }
    // A reader is answered as fast as it reads; a writer's entries are never kept waiting.
    if (request._tag === "WriteEntries") ask()
    else member.whenWritable(ask)
  }

  const open = (peer: Peer, before?: Remembered): Connection => {
    const joiner = makeJoiner()
    const logs = new Set<string>()
    const member: Member = makeMember(peer, {
      now,
      onGone: () => {
        joiner.clear()
        members.delete(member)
        for (const log of logs) channels.get(log)?.unwatch(member)
        logs.clear()
        early.length = 0
      }
    })
    members.set(member, logs)

    /** Frames that came before the greeting could go out, where the storage takes its time. */
    const early: Array<Uint8Array | string> = []
    let earlyBytes = 0
    let unfinished = false
    let greeted = before !== undefined
    const arrival = makeQueue(() => {})
    const ask = <A>(question: () => Effect.Effect<A, StorageFailed>, then: (answer: A) => void) =>
      arrival.ask(
        () =>
          match(question(), {
            onFailure: (failed) => () => {
              trouble(failed.what, failed)
              member.end(CLOSE.tryAgain, failed.what)
            },
            onSuccess: (answer) => () => then(answer)
          }),
        (act) => act(),
        (cause) => broken(member, cause)
      )
    /** A token may have been revoked since it was checked at the door. */
    const checkToken = (id: string) =>
      ask(
        () => storage.revoked(Math.floor(now() / 1000)),
        (revoked) => {
          if (revoked.some((one) => one.id === id)) member.end(CLOSE.unauthorized, REVOKED)
        }
      )
    const greet = () =>
      ask(storage.kept, (kept) => {
        greeted = true
        member.send(greeting(storage.remoteId, kept))
        for (const frame of early.splice(0)) receive(frame)
      })

    const receive = (frame: Uint8Array | string) => {
      if (!member.admit()) return
      if (!greeted) {
        earlyBytes += frame.length
        if (earlyBytes > MESSAGE_BYTES) return member.end(CLOSE.tryAgain, "the hub is not ready yet")
        early.push(frame)
        return
      }
      if (joiner.open() > 0 && joiner.overdue(now()))
        return member.end(CLOSE.policy, "a chunked message was never finished")
      if (typeof frame !== "string") receiveMessage(frame)
      else if (frame === "ping") member.send("pong")
      else member.end(CLOSE.unsupported, "the only text this hub knows is ping")
    }

    const receiveMessage = (message: Uint8Array) => {
      const request = decodeRequest(message)
      if (Either.isLeft(request)) return member.end(request.left.closeCode, request.left.what)
      if (request.right._tag === "ChunkedMessage") receiveChunk(joiner, request.right)
      else handle(member, request.right, message.byteLength)
    }

    const receiveChunk = (joiner: Joiner, chunk: ChunkedMessage) => {
      const joined = joiner.add(chunk, now())
      if (Either.isLeft(joined)) return member.end(joined.left.closeCode, joined.left.what)
      if (joiner.open() > 0 !== unfinished) {
        unfinished = !unfinished
        member.memory?.unfinished(unfinished)
      }
      if (joined.right !== undefined) receiveMessage(joined.right)
    }

    if (before === undefined) {
      if (quotas.sockets !== undefined && members.size > quotas.sockets) {
        member.end(CLOSE.tryAgain, `this tenant has its ${quotas.sockets} connections, and may have no more`)
      }
      if (peer.grant.id !== undefined) checkToken(peer.grant.id)
      greet()
    } else if (before.unfinished) member.end(CLOSE.tryAgain, "the hub lost the first half of a message; send it again")
    else {
      for (const [log, sent] of before.watches) {
        logs.add(log)
        channelOf(log).watch(member, sent, sent === ALL ? "live" : "behind")
      }
    }

    return { receive, drained: member.drained, closed: member.leave }
  }

  const expel: Hub["expel"] = (match, code, reason) => {
    for (const member of members.keys()) if (match(member.grant)) member.end(code, reason)
  }
  const end: Hub["end"] = (code, reason) => expel(() => true, code, reason)

  return {
    open: (peer) => open(peer),
    resume: open,
    peers: () => members.size,
    retire: (logs, options) =>
      Effect.suspend(() => storage.retire(logs, options)).pipe(
        Effect.tap(() => Effect.sync(() => logs.forEach((log) => void channels.get(log)?.recheck())))
      ),
    trim: (log, floor) => Effect.suspend(() => storage.trim(log, floor)),
    erase: () =>
      Effect.suspend(storage.erase).pipe(
        Effect.tap(() => Effect.sync(() => end(CLOSE.tryAgain, "this tenant was erased")))
      ),
    revoke: (id, until) =>
      Effect.suspend(() => storage.revoke(id, until)).pipe(
        Effect.tap(() => Effect.sync(() => expel((rights) => rights.id === id, CLOSE.unauthorized, REVOKED)))
      ),
    expel,
    end
  }
}

/** Channels, about 2 KB each, from which on one that nobody uses is forgotten. */
const IDLE_CHANNELS = 1_000

const REVOKED = "this token was revoked"

const capabilities: Omit<HubCapabilities, "kept"> = { version: 1, contiguous: true, ping: true }

const greeting = (remoteId: Uint8Array, kept: number) =>
  encodeResponse({ _tag: "Hello", remoteId, agentSync: { ...capabilities, kept } })
