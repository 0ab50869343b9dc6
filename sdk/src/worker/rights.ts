/** How the Worker tells an object what a peer may do. Only a Worker reaches an object, so the header is believed. */
import type { Rights } from "../hub/Peer.ts"

export const RIGHTS_HEADER = "x-agent-sync-rights"

export const rightsText = (rights: Rights): string => JSON.stringify(rights)

export const rightsIn = (headers: Headers): Rights | undefined => {
  const text = headers.get(RIGHTS_HEADER)
  return text === null ? undefined : (JSON.parse(text) as Rights)
}
