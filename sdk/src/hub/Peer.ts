/** One open socket as the hub sees it. A platform makes it of its own socket; it may be called after the socket died. */
import type { Role } from "../crypto/AccessToken.ts"

/** What a peer may do, from its token. */
export interface Rights {
  readonly roles: ReadonlyArray<Role>
  /** Only these logs; all of the tenant's where it is absent. */
  readonly logs?: ReadonlyArray<string>
}

export interface Peer {
  readonly send: (frame: Uint8Array | string) => void
  readonly close: (code: number, reason: string) => void
  /** Bytes that were sent and have not left yet. */
  readonly buffered: () => number
  /** It offered our subprotocol: it understands refusals and pages. */
  readonly extended: boolean
  readonly grant: Rights
}

export const mayRead = ({ logs, roles }: Rights, log: string) =>
  roles.includes("read") && (logs === undefined || logs.includes(log))

export const mayWrite = ({ logs, roles }: Rights, log: string) =>
  roles.includes("write") && (logs === undefined || logs.includes(log))
