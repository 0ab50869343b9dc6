/**
 * A peer as its hub keeps it: what goes out to it, and in what order when its socket is slow. A dead or throwing
 * socket becomes `gone` and is never an error to others. What is sent, and why, is decided by `Hub` and `Channel`.
 */
import { split } from "../protocol/Chunks.ts"
import {
  CHUNK_BYTES,
  CLOSE,
  PEER_ASKED_BYTES,
  PEER_ASKED_EACH_BYTES,
  PEER_BUFFER_BYTES,
  PEER_LOGS,
  PEER_UNREAD_BYTES
} from "../protocol/Limits.ts"
import type { Peer, PeerMemory, Rights } from "./Peer.ts"

export interface Member {
  readonly grant: Rights
  readonly extended: boolean
  readonly copies: boolean
  readonly memory: PeerMemory | undefined
  readonly gone: () => boolean
  /** One message, cut into chunks where it is large. */
  readonly send: (message: Uint8Array | string) => void
  /** Closes the socket and forgets the peer. */
  readonly end: (code: number, reason: string) => void
  /** Forgets the peer; nothing is sent any more. */
  readonly leave: () => void
  /** Whether the socket takes more. */
  readonly writable: () => boolean
  /** Runs this when the socket takes more, at once where it does, and always behind what waits already. */
  readonly whenWritable: (act: () => void) => void
  /** The socket took what waited in it. */
  readonly drained: () => void
  /** A request of so many bytes is put to the storage: false, and the peer is ended, where too much of it waits already. */
  readonly asks: (bytes: number) => boolean
  /** … and was answered. */
  readonly answered: (bytes: number) => void
  /** What every received frame begins with: false, and the peer is ended, where its token expired or it never reads. */
  readonly admit: () => boolean
}

export const makeMember = (
  peer: Peer,
  options: { readonly now: () => number; readonly onGone: () => void }
): Member => {
  const { copies = false, extended, grant, memory } = peer
  let gone = false
  let nextChunkId = 0
  let asked = 0
  /** In order; a set, because a long array is slow to shift. */
  const waiting = new Set<() => void>()

  const leave = () => {
    if (gone) return
    gone = true
    waiting.clear()
    options.onGone()
  }

  const end = (code: number, reason: string) => {
    if (gone) return
    leave()
    try {
      peer.close(code, shortened(reason))
    } catch {
      // It was closed already.
    }
  }

  const expired = () => {
    if (grant.exp === undefined || options.now() < grant.exp * 1000) return false
    end(CLOSE.unauthorized, "this token has expired")
    return true
  }

  const send = (message: Uint8Array | string) => {
    if (gone || expired()) return
    try {
      if (typeof message === "string" || message.byteLength <= CHUNK_BYTES) peer.send(message)
      else for (const frame of split(nextChunkId++, message)) peer.send(frame)
    } catch {
      end(CLOSE.tryAgain, "this socket takes nothing more")
    }
  }

  const writable = () => !gone && peer.buffered() <= PEER_BUFFER_BYTES

  const whenWritable = (act: () => void) => {
    if (gone) return
    if (waiting.size === 0 && writable()) act()
    else if (waiting.size < PEER_LOGS) waiting.add(act)
    else end(CLOSE.policy, "this client asks for more than it reads")
  }

  const drained = () => {
    for (const act of waiting) {
      if (!writable()) return
      waiting.delete(act)
      act()
    }
  }

  return {
    grant,
    extended,
    copies,
    memory,
    gone: () => gone,
    send,
    end,
    leave,
    writable,
    whenWritable,
    drained,
    asks: (bytes) => {
      if (gone) return false
      asked += bytes + PEER_ASKED_EACH_BYTES
      if (asked <= PEER_ASKED_BYTES) return true
      end(CLOSE.tryAgain, "this client sends more than the hub's storage takes")
      return false
    },
    answered: (bytes) => {
      asked -= bytes + PEER_ASKED_EACH_BYTES
    },
    admit: () => {
      if (gone || expired()) return false
      if (peer.buffered() <= PEER_UNREAD_BYTES) return true
      end(CLOSE.policy, "this client asks for more than it reads")
      return false
    }
  }
}

/** Bytes of UTF-8 that a close frame has room for (RFC 6455 §5.5). */
const REASON_BYTES = 123

const shortened = (reason: string) => {
  if (new TextEncoder().encode(reason).byteLength <= REASON_BYTES) return reason
  let text = ""
  let bytes = 0
  for (const character of reason) {
    bytes += new TextEncoder().encode(character).byteLength
    // Three bytes are the ellipsis.
    if (bytes > REASON_BYTES - 3) break
    text += character
  }
  return `${text}…`
}
