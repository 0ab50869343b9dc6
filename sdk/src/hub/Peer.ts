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

export interface Peer {
  /** Hands over one frame, whole. Throws where the socket cannot take it; the hub then forgets the peer. */
  readonly send: (frame: Uint8Array | string) => void
  readonly close: (code: number, reason: string) => void
  /** Bytes that were handed over and have not left yet; 0 where a platform does not say. */
  readonly buffered: () => number
  /** It offered our subprotocol: it understands refusals and pages. */
  readonly extended: boolean
  readonly grant: Rights
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
