/**
 * A reader and its connection put together: a tenant, or one shared session, read from one hub, on any platform. What
 * each part does is in `TenantReader`, `SharedReader` and `Connection`; the platforms give a socket and a cipher.
 */
import type { Aead } from "../crypto/Aead.ts"
import type { ShareLink } from "../crypto/ShareLink.ts"
import type { ReaderKey } from "../crypto/TenantKey.ts"
import { connect, type Part } from "./Connection.ts"
import { linePerLog } from "./LinePerLog.ts"
import { liveTimers, type Network } from "./Link.ts"
import { makeSharedReader } from "./SharedReader.ts"
import type { SyncStatus } from "./SyncStatus.ts"
import { makeTenantReader, type SessionReader, type TenantReader, type TenantReaderEvents } from "./TenantReader.ts"

/** What a platform gives. */
export interface Means {
  readonly network: Network
  readonly aead: Aead
  /** The platform's cipher that answers later, where it is the faster one. */
  readonly subtle?: SubtleCrypto | undefined
}

export interface From {
  /** `ws://` or `wss://`, with the tenant in the path. */
  readonly url: string
  /** Asked before every attempt. */
  readonly token: () => Promise<string | undefined>
  readonly onStatus: (status: SyncStatus) => void
}

/** A tenant to read, with its reader key. */
export interface ReadOptions extends From {
  readonly key: ReaderKey
  readonly events: TenantReaderEvents
}

/** A session to read, by a share link. */
export interface SharedOptions extends Pick<From, "onStatus"> {
  readonly link: ShareLink
  /** The hub's address; the link's own where it is not given. One of them must be there. */
  readonly url?: string
  readonly events: TenantReaderEvents
}

/** A reader, and its connection. */
export interface ReadingRemote<Reader extends SessionReader = TenantReader> {
  readonly reader: Reader
  readonly status: () => SyncStatus
  /** Offline: tries at once instead of waiting. */
  readonly retryNow: () => void
  /** Closes the socket and never opens another. */
  readonly stop: () => void
}

/** Reads a tenant from one hub until it is stopped. */
export const readTenant = ({ aead, network, subtle }: Means, { events, key, ...from }: ReadOptions): ReadingRemote => {
  const reader = makeTenantReader({ reader: key, aead, events, subtle })
  return { reader, ...connected(network, from, reader.part) }
}

/** Reads the session of a share link until it is stopped. Its token cannot be renewed: when it ends, so does the reading. */
export const readShared = (
  { aead, network, subtle }: Means,
  { events, link, onStatus, url = link.hub }: SharedOptions
): ReadingRemote<SessionReader> => {
  if (url === undefined) throw new TypeError("This share link names no hub; give its url")
  const reader = makeSharedReader({ link, aead, events, subtle })
  return { reader, ...connected(network, { url, token: async () => link.token, onStatus }, reader.part) }
}

const connected = (network: Network, { onStatus, token, url }: From, part: Part) => {
  const from = { network, timers: liveTimers, target: async () => ({ url, token: await token() }) }
  const { retryNow, status, stop } = connect({ ...from, parts: [linePerLog(part, from)], onStatus })
  return { status, retryNow, stop }
}
