/** One open socket as the hub sees it. A platform makes it of its own socket; it may be called after the socket died. */
import type { Role } from "../crypto/AccessToken.ts"

/** What a peer may do, from its token. */
export interface Rights {
  readonly roles: ReadonlyArray<Role>
  /** Only these logs; all of the tenant's where it is absent. */
  readonly logs?: ReadonlyArray<string>
  /** Names the token (`jti`), so that it can be revoked; a shared token has none. */
  readonly id?: string
  /** In seconds since 1970; from then on nothing is received and nothing sent. */
  readonly exp?: number
}

/** A socket, and what its token may do. */
export interface Peer {
  /** Hands over one frame, whole. Throws where the socket cannot take it; the hub then forgets the peer. */
  readonly send: (frame: Uint8Array | string) => void
  readonly close: (code: number, reason: string) => void
  /** `send` has copied a frame when it returns, so that the hub may write the next one into the same memory. */
  readonly copies?: boolean
  /** Bytes that were handed over and have not left yet; 0 where a platform does not say. */
  readonly buffered: () => number
  /** It offered our subprotocol: it understands refusals and pages. */
  readonly extended: boolean
  readonly grant: Rights
  /** For a platform whose sockets outlive the hub's memory: what `Hub.resume` is to be told of this peer. */
  readonly memory?: PeerMemory
}

/** Notes that outlive the hub. They are written in the turn in which things change, before the hub can be put to sleep. */
export interface PeerMemory {
  /** It watches a log and was sent what comes up to here (`ALL`: all there is); undefined: it watches no more. */
  readonly watches: (log: string, sent: number | undefined) => void
  /** A message of several chunks has begun, or none is open any more. */
  readonly unfinished: (open: boolean) => void
}

/** Stands for the head of a log, whatever that is. */
export const ALL = Number.POSITIVE_INFINITY

/** A peer of before, as its memory has it. */
export interface Remembered {
  readonly watches: Iterable<readonly [log: string, sent: number]>
  readonly unfinished: boolean
}

export const mayRead = ({ logs, roles }: Rights, log: string): boolean =>
  roles.includes("read") && (logs === undefined || logs.includes(log))

/** Lists the tenant's logs: who may read them all, and who administers it. */
export const mayList = (rights: Rights): boolean =>
  mayAdminister(rights) || (rights.roles.includes("read") && rights.logs === undefined)

/** The whole tenant; a token that names logs administers nothing. */
export const mayAdminister = ({ logs, roles }: Rights): boolean => roles.includes("admin") && logs === undefined

export const mayWrite = ({ logs, roles }: Rights, log: string): boolean =>
  roles.includes("write") && (logs === undefined || logs.includes(log))
