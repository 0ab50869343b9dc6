/**
 * One socket for many logs, kept up: hello, ping, chunks, reconnect on every close code. What travels on it is
 * decided by its parts (`Publisher`, `Follower`); they hear when a session begins and ends and what arrives, in order.
 */
import * as Either from "effect/Either"
import * as Chunks from "../protocol/Chunks.ts"
import * as Codec from "../protocol/Codec.ts"
import {
  BACKOFF_CAP_MS,
  BACKOFF_FACTOR,
  BACKOFF_FIRST_MS,
  BACKOFF_RESET_MS,
  CLOSE,
  HELLO_DEADLINE_MS,
  PING_DEADLINE_MS,
  PING_EVERY_MS
} from "../protocol/Limits.ts"
import type { Ack, Changes, Hello, Request, Response } from "../protocol/Message.ts"
import { hubWords, quoted } from "./hubWords.ts"
import type { Network, Socket, Target, Timer, Timers } from "./Link.ts"
import type { SyncOptions } from "./SyncConfig.ts"
import { next, type SyncChange, type SyncStatus } from "./SyncStatus.ts"

/** A connection after its Hello, until it drops. Requests sent on an ended session go nowhere. */
export interface Session {
  readonly hello: Hello
  readonly send: (request: Request) => void
  /** Bytes that have not left yet. */
  readonly buffered: () => number
  /** Ends this session and reconnects: the hub broke a promise, `why` is for people. */
  readonly abandon: (why: string) => void
  /** Begins anew where the token, asked for once more, is another by now. */
  readonly renew: () => void
}

/** Our close code where the other side does not answer: the first that RFC 6455 §7.4.2 leaves to libraries. */
const SILENT = 3000

/** What uses a connection. Calls never overlap. */
export interface Part {
  readonly up: (session: Session) => void
  readonly down: () => void
  readonly ack: (ack: Ack) => void
  readonly changes: (changes: Changes) => void
}

export interface ConnectionOptions {
  readonly network: Network
  readonly timers: Timers
  /** Asked before every attempt, so a token may be renewed. */
  readonly target: () => Promise<Target>
  readonly parts: ReadonlyArray<Part>
  /**
   * Whether silence is asked about: always, only where the hub's Hello says that it answers texts, or never (then a dead
   * socket is found by the Ack that does not come). `always` where it is not given.
   */
  readonly pings?: Pings
  readonly onStatus: (status: SyncStatus) => void
}

export type Pings = "always" | "announced" | "never"

/** A Cloudflare hub is woken, and billed, by a binary ping: it gets none before it says that it answers texts. */
export const pingsOf = ({
  disablePing,
  provider
}: Pick<SyncOptions, "provider"> & { readonly disablePing?: boolean | undefined }): Pings =>
  disablePing === true ? "never" : provider === "cloudflare" && disablePing === undefined ? "announced" : "always"

export interface Connection {
  readonly status: () => SyncStatus
  /** Ends the wait for the next attempt. */
  readonly retryNow: () => void
  /** Closes the socket with 1000 and never opens another. */
  readonly stop: () => void
}

export const connect = (options: ConnectionOptions): Connection => {
  const { network, parts, pings: asks = "always", target, timers } = options
  let status: SyncStatus = { _tag: "Connecting", since: timers.now() }
  let attempts = 0
  let retry: Timer | undefined
  let end: ((code: number, why: string) => void) | undefined

  const change = (by: SyncChange) => {
    const changed = next(status, by, timers.now())
    if (changed === status) return
    status = changed
    options.onStatus(status)
  }
  const over = () => status._tag === "Stopped" || status._tag === "Refused"

  const lost = (why: string) => {
    if (over()) return
    const wait = waitFor(attempts++, timers.random())
    change({ _tag: "Lost", why, retryAt: timers.now() + wait })
    retry = timers.after(wait, attempt)
  }

  const attempt = () => {
    retry = undefined
    if (over()) return
    change({ _tag: "Attempt" })
    target().then(
      (at) => {
        if (!over()) run(at)
      },
      (error: unknown) => lost(`no address: ${String(error)}`)
    )
  }

  /** One socket from opening to closing. */
  const run = (at: Target) => {
    const joiner = Chunks.makeJoiner()
    let nextChunkId = 0
    let socket: Socket | undefined
    let session: Session | undefined
    let upSince = 0
    let closed = false
    let heard = timers.now()
    let watch: Timer | undefined

    const finish = (code: number, why: string) => {
      if (closed) return
      closed = true
      end = undefined
      watch?.cancel()
      joiner.clear()
      if (session !== undefined) {
        session = undefined
        if (timers.now() - upSince >= BACKOFF_RESET_MS) attempts = 0
        for (const part of parts) part.down()
        // A token that ran out may be renewed: the next attempt asks for one, and is told if it is no good either.
        if (code === CLOSE.forbidden) change({ _tag: "Refused", error: why, fix: undefined })
        else lost(why)
        return
      }
      if (over()) return
      // A refused upgrade looks like a lost network to a socket; a plain GET tells them apart.
      network.explain(at).then(
        (explanation) => {
          if (explanation._tag === "Refused") {
            change({ _tag: "Refused", error: explanation.error, fix: explanation.fix })
          } else lost(explanation._tag === "Unreachable" ? explanation.error : why)
        },
        () => lost(why)
      )
    }

    /** Ends the socket from our side; `onClose` may come late or never on a dead network, so it is not waited for. */
    const drop = (code: number, why: string) => {
      if (closed) return
      const open = socket
      finish(code, why)
      open?.close(code, why)
    }

    const watchSilence = (ms: number, act: () => void) => {
      watch?.cancel()
      watch = timers.after(ms, act)
    }
    /** Asks for a sign of life once nothing was heard for a while, and gives up where none comes. */
    const pingLater = () => {
      if (asks === "never" || (asks === "announced" && session?.hello.agentSync?.ping !== true)) return watch?.cancel()
      watchSilence(Math.max(0, heard + PING_EVERY_MS - timers.now()), () => {
        if (joiner.overdue(timers.now())) return drop(CLOSE.policy, "a chunked message was never finished")
        const asked = timers.now()
        if (asked - heard < PING_EVERY_MS) return pingLater()
        if (session?.hello.agentSync?.ping === true) socket?.send("ping")
        else socket?.send(Codec.encodeRequest({ _tag: "Ping", id: ++pings }))
        watchSilence(PING_DEADLINE_MS, () => {
          if (heard < asked) drop(SILENT, "the hub is silent")
          else pingLater()
        })
      })
    }
    let pings = 0

    const receive = (message: Response) => {
      switch (message._tag) {
        case "Hello": {
          if (session !== undefined) return
          upSince = timers.now()
          session = {
            hello: message,
            send: (request) => {
              if (closed || socket === undefined) return
              for (const frame of Chunks.split(nextChunkId++, Codec.encodeRequest(request))) socket.send(frame)
            },
            buffered: () => (closed || socket === undefined ? 0 : socket.buffered()),
            abandon: (why) => drop(CLOSE.policy, why),
            renew: () => {
              target().then(
                ({ token }) => {
                  if (closed || token === at.token) return
                  drop(1000, "there is another token")
                  retryNow()
                },
                // Without an address the one that is open is all there is.
                () => {}
              )
            }
          }
          pingLater()
          change({ _tag: "Hello" })
          for (const part of parts) part.up(session)
          return
        }
        case "Ack": {
          const ack = inOurWords(message)
          for (const part of parts) part.ack(ack)
          return
        }
        case "Changes": {
          const changes = inOurWords(message)
          for (const part of parts) part.changes(changes)
          return
        }
        case "ChunkedMessage": {
          const joined = joiner.add(message, timers.now())
          if (Either.isLeft(joined)) return drop(joined.left.closeCode, joined.left.what)
          if (joined.right !== undefined) decode(joined.right)
          return
        }
        case "Pong":
          return
      }
    }

    const decode = (frame: Uint8Array) => {
      const message = Codec.decodeResponse(frame)
      if (Either.isLeft(message)) drop(message.left.closeCode, `the hub sent what cannot be read: ${message.left.what}`)
      else receive(message.right)
    }

    end = drop
    watchSilence(HELLO_DEADLINE_MS, () => drop(SILENT, "no greeting from the hub"))
    socket = network.open(at, {
      onOpen: () => {},
      onFrame: (frame) => {
        if (closed) return
        heard = timers.now()
        if (typeof frame !== "string") decode(frame)
      },
      onClose: (code, reason) => finish(code, whyClosed(code, reason))
    })
  }

  const retryNow = () => {
    if (retry === undefined) return
    retry.cancel()
    attempt()
  }

  attempt()
  return {
    status: () => status,
    retryNow,
    stop: () => {
      retry?.cancel()
      change({ _tag: "Stop" })
      end?.(1000, "done")
    }
  }
}

/** Code 1006 comes from our own side: the network, or a platform that says why it has no socket. */
const whyClosed = (code: number, reason: string) => {
  if (reason === "") return `connection lost (${code})`
  if (code === CLOSE.forbidden) return hubWords(reason)
  return code === 1006 ? `${reason} (${code})` : `the hub said ${quoted(hubWords(reason))} (${code})`
}

/** A message whose refusal may go on to people. */
const inOurWords = <M extends Ack | Changes>(message: M): M =>
  message.refused === undefined
    ? message
    : { ...message, refused: { ...message.refused, reason: hubWords(message.refused.reason) } }

/** Milliseconds before attempt `n` (from 0): doubling to a cap, of which the second half is chance. */
const waitFor = (n: number, random: number) => {
  const full = Math.min(BACKOFF_CAP_MS, BACKOFF_FIRST_MS * BACKOFF_FACTOR ** n)
  return full / 2 + (full / 2) * random
}
