/**
 * The hub of one tenant: frames in, deliveries out. It joins chunks, asks `respond`, and sees to it that every watcher hears
 * every entry of its logs in order, each once, however slow it is, and that nobody else waits for it.
 * It has no timer but `later`, which runs something in the next turn of the event loop.
 */
import type * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as EffectRun from "effect/Effect"
import { makeJoiner, split } from "../protocol/Chunks.ts"
import { decodeRequest, encodeChanges, encodeResponse } from "../protocol/Codec.ts"
import { CHUNK_BYTES, CLOSE, PAGE_BYTES, PEER_BUFFER_BYTES } from "../protocol/Limits.ts"
import type { Request } from "../protocol/Message.ts"
import type { HubStorage } from "./HubStorage.ts"
import type { Peer } from "./Peer.ts"
import { lastOf, match, pageFrame, type Published, type Reaction, respond } from "./respond.ts"

export interface HubOptions {
  readonly storage: HubStorage
  /** Milliseconds; only differences mean anything. */
  readonly now: () => number
  /** Runs in the next turn: `setTimeout 0`. */
  readonly later: (run: () => void) => void
}

export interface Connection {
  readonly receive: (frame: Uint8Array | string) => void
  /** The socket can take more. */
  readonly drained: () => void
  /** The socket is gone; nothing is sent to it after this. */
  readonly closed: () => void
}

export interface Hub {
  readonly open: (peer: Peer) => Connection
}

/** One peer's subscription to one log. */
interface Watch {
  readonly log: string
  readonly member: Member
  /** The last sequence that was sent. */
  sent: number
  /** `catching`: pages are pushed until the head, one in a turn and only while the socket takes them. */
  mode: "live" | "catching"
  pushing: boolean
}

interface Member {
  readonly peer: Peer
  readonly watches: Map<string, Watch>
  gone: boolean
  nextChunkId: number
}

/** What was published of a log and not sent yet, and who watches it. */
interface Channel {
  readonly watches: Set<Watch>
  pending: Array<Published["appended"]>
  gathering: boolean
}

export const makeHub = ({ later, now, storage }: HubOptions): Hub => {
  const channels = new Map<string, Channel>()
  /** Requests of a log that wait for a storage that does not answer at once. */
  const queues = new Map<string, Promise<void>>()

  const channelOf = (log: string) => {
    let channel = channels.get(log)
    if (channel === undefined) {
      channel = { watches: new Set(), pending: [], gathering: false }
      channels.set(log, channel)
    }
    return channel
  }

  /** A dying socket may throw; the others must not feel it. */
  const send = (member: Member, frame: Uint8Array | string) => {
    if (member.gone) return
    try {
      if (typeof frame !== "string" && frame.byteLength > CHUNK_BYTES) {
        for (const part of split(member.nextChunkId++, frame)) member.peer.send(part)
      } else member.peer.send(frame)
    } catch {
      leave(member)
    }
  }

  const end = (member: Member, code: number, reason: string) => {
    if (member.gone) return
    leave(member)
    try {
      member.peer.close(code, fitting(reason))
    } catch {
      // It was closed already.
    }
  }

  const leave = (member: Member) => {
    member.gone = true
    for (const log of [...member.watches.keys()]) unwatch(member, log)
  }

  const unwatch = (member: Member, log: string) => {
    const watch = member.watches.get(log)
    if (watch === undefined) return
    member.watches.delete(log)
    const channel = channels.get(log)
    channel?.watches.delete(watch)
    if (channel?.watches.size === 0 && !channel.gathering) channels.delete(log)
  }

  const buffered = (member: Member) => {
    try {
      return member.peer.buffered()
    } catch {
      return 0
    }
  }

  // Telling watchers -------------------------------------------------------------------------------------------------

  const publish = ({ appended, log }: Published) => {
    const channel = channels.get(log)
    if (channel === undefined) return
    channel.pending.push(appended)
    // The first write of a turn goes out at once, what else the turn brings in one frame behind it.
    if (channel.gathering) return
    tell(log, channel)
    channel.gathering = true
    later(() => gathered(log, channel))
  }

  const gathered = (log: string, channel: Channel) => {
    channel.gathering = channel.pending.length > 0
    tell(log, channel)
    if (channel.gathering) later(() => gathered(log, channel))
    else if (channel.watches.size === 0) channels.delete(log)
  }

  const tell = (log: string, channel: Channel) => {
    const { pending } = channel
    if (pending.length === 0) return
    channel.pending = []
    const frames = new Map<number, Uint8Array>()
    for (const watch of [...channel.watches]) {
      if (watch.mode === "live") tellOne(log, watch, pending, frames)
    }
  }

  /** Sends a live watcher what it has not got of these; `frames` shares the encoding among those who got equally far. */
  const tellOne = (log: string, watch: Watch, pending: Channel["pending"], frames: Map<number, Uint8Array>) => {
    const news = pending.filter(({ fresh }) => fresh.first > watch.sent)
    const [first] = news
    const last = news.at(-1)
    if (first === undefined || last === undefined) return
    if (first.fresh.first !== watch.sent + 1 || buffered(watch.member) > PEER_BUFFER_BYTES) {
      // It is slow: from here on it gets pages, as its socket takes them.
      watch.mode = "catching"
      push(watch)
      return
    }
    let frame = frames.get(first.fresh.first)
    if (frame === undefined) {
      const batches = news.map(({ fresh }) => fresh.count)
      frame = encodeChanges(
        { publicKey: log, head: last.head, batches, chain: last.chain },
        news.map(({ fresh }) => fresh.bytes),
        batches.reduce((sum, count) => sum + count, 0)
      )
      frames.set(first.fresh.first, frame)
    }
    watch.sent = last.fresh.first + last.fresh.count - 1
    send(watch.member, frame)
  }

  /** Pushes the next page to a watcher that is behind, and goes on in the next turn. */
  const push = (watch: Watch) => {
    const { log, member } = watch
    if (watch.pushing || watch.mode === "live" || member.watches.get(log) !== watch) return
    if (buffered(member) > PEER_BUFFER_BYTES) return
    watch.pushing = true
    const from = watch.sent + 1
    run(
      log,
      match(storage.page(log, from, { bytes: PAGE_BYTES, entries: Number.MAX_SAFE_INTEGER }), {
        onFailure: () => undefined,
        onSuccess: (page) => page
      }),
      (page) => {
        watch.pushing = false
        if (member.gone || member.watches.get(log) !== watch) return
        if (page === undefined) return end(member, CLOSE.tryAgain, "the hub cannot read its storage")
        const last = lastOf(page, from)
        if (page.runs.length > 0) {
          watch.sent = last
          send(member, pageFrame(log, page, {}))
        }
        if (last >= page.head) watch.mode = "live"
        else later(() => push(watch))
      }
    )
  }

  // Requests ---------------------------------------------------------------------------------------------------------

  /** Continues at once with an answer that is there, in the log's order with one that is not. */
  const run = <A>(log: string, answer: Effect.Effect<A>, then: (a: A) => void) => {
    const waiting = queues.get(log)
    if (waiting === undefined && Either.isEither(answer)) {
      then(Either.getOrThrow(answer as Either.Either<A>))
      return
    }
    const turn = (waiting ?? Promise.resolve()).then(async () => then(await EffectRun.runPromise(answer)))
    const settled = turn.catch(() => {}).then(() => {
      if (queues.get(log) === settled) queues.delete(log)
    })
    queues.set(log, settled)
  }

  const react = (member: Member, reaction: Reaction) => {
    const { close, publish: published, reply, unwatch: stopped, watch } = reaction
    if (published !== undefined) publish(published)
    if (stopped !== undefined) unwatch(member, stopped)
    if (published !== undefined) {
      // A writer that watches hears its own entries, and those before them, before it hears that they are stored.
      const own = member.watches.get(published.log)
      const channel = channels.get(published.log)
      if (own?.mode === "live" && channel !== undefined) tellOne(published.log, own, channel.pending, new Map())
    }
    if (reply !== undefined) send(member, reply)
    if (watch !== undefined && !member.gone) {
      unwatch(member, watch.log)
      const begun: Watch = { ...watch, member, pushing: false }
      member.watches.set(watch.log, begun)
      channelOf(watch.log).watches.add(begun)
      push(begun)
    }
    if (close !== undefined) end(member, close.code, close.reason)
  }

  return {
    open: (peer) => {
      const member: Member = { peer, watches: new Map(), gone: false, nextChunkId: 0 }
      const joiner = makeJoiner()

      const handle = (request: Request) => {
        if (request._tag !== "ChunkedMessage") {
          const log = request._tag === "Ping" ? "" : request.publicKey
          // Asked only when its turn comes, so a slow storage keeps the order of a log.
          const waiting = queues.get(log)
          if (waiting === undefined) {
            return run(log, respond(storage, peer, request), (reaction) => {
              if (!member.gone || reaction.publish !== undefined) react(member, reaction)
            })
          }
          return run(log, EffectRun.suspend(() => respond(storage, peer, request)), (reaction) => {
            if (!member.gone || reaction.publish !== undefined) react(member, reaction)
          })
        }
        if (joiner.overdue(now())) return end(member, CLOSE.policy, "a chunked message was never finished")
        const joined = joiner.add(request, now())
        if (Either.isLeft(joined)) return end(member, joined.left.closeCode, joined.left.what)
        if (joined.right !== undefined) receiveWhole(joined.right)
      }

      const receiveWhole = (message: Uint8Array) => {
        const request = decodeRequest(message)
        if (Either.isLeft(request)) return end(member, request.left.closeCode, request.left.what)
        if (request.right._tag === "ChunkedMessage") return end(member, CLOSE.policy, "a chunk inside a chunked message")
        handle(request.right)
      }

      run(
        "",
        match(storage.kept(), { onFailure: () => 0, onSuccess: (kept) => kept }),
        (kept) => {
          send(
            member,
            encodeResponse({
              _tag: "Hello",
              remoteId: storage.remoteId,
              agentSync: { version: 1, contiguous: true, ping: true, kept }
            })
          )
        }
      )
      return {
        receive: (frame) => {
          if (member.gone) return
          if (typeof frame === "string") {
            if (frame === "ping") send(member, "pong")
            else end(member, CLOSE.unsupported, "text that is not ping")
            return
          }
          const request = decodeRequest(frame)
          if (Either.isLeft(request)) return end(member, request.left.closeCode, request.left.what)
          handle(request.right)
        },
        drained: () => {
          for (const watch of [...member.watches.values()]) push(watch)
        },
        closed: () => {
          joiner.clear()
          leave(member)
        }
      }
    }
  }
}

/** A close reason has room for 123 bytes (RFC 6455 §5.5). */
const fitting = (reason: string) => {
  const bytes = new TextEncoder().encode(reason)
  return bytes.byteLength <= 123 ? reason : `${new TextDecoder().decode(bytes.subarray(0, 117))}…`.replace(/\uFFFD/g, "")
}
