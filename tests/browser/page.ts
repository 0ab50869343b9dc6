/** Runs in Chromium: follows a tenant and keeps what it was told where a test can see it. */
import {
  connectReader,
  connectShared,
  parseKey,
  parseShareLink,
  type ReadingRemote,
  type SessionReader,
  type SyncStatus,
  type TenantReaderEvents
} from "agent-sync/browser"
import type { AgentEvent } from "agent-sync/events"

export interface Seen {
  status: SyncStatus | undefined
  readonly sessions: Array<{ readonly agent: string; readonly title: string | undefined }>
  readonly kinds: Array<string>
  readonly texts: Array<string>
  readonly caughtUp: Array<string>
  readonly notices: Array<string>
}

declare global {
  var seen: Seen
  var read: (options: { readonly url: string; readonly key?: string; readonly token?: string }) => void
  /** `url` is a hub's address up to the tenant. */
  var readShare: (options: { readonly url: string; readonly link: string }) => void
}

globalThis.seen = { status: undefined, sessions: [], kinds: [], texts: [], caughtUp: [], notices: [] }

const take = (event: AgentEvent) => {
  seen.kinds.push(event.kind)
  if (event.kind === "note" && event.data.text !== undefined) seen.texts.push(event.data.text)
}

const onStatus = (status: SyncStatus) => {
  seen.status = status
}

const eventsFor = (remote: () => ReadingRemote<SessionReader>): TenantReaderEvents => ({
  onSession: (session, change) => {
    if (change !== "started") return
    seen.sessions.push({ agent: session.origin.agent, title: session.title })
    remote().reader.watch(session.log, "all")
  },
  onIndexRead: () => {},
  onEntries: (_, entries) => {
    for (const { content } of entries) if (content._tag === "Event") take(content.event)
  },
  onCaughtUp: (log) => seen.caughtUp.push(log),
  onNotice: (_, notice) => seen.notices.push(JSON.stringify(notice)),
  onWrongKey: () => seen.notices.push("wrong key")
})

globalThis.read = ({ key = "", token, url }) => {
  const parsed = parseKey(key)
  if (parsed._tag === "Left" || parsed.right.kind !== "reader") throw new Error("no reader key")
  const events = eventsFor(() => remote)
  const remote = connectReader({ key: parsed.right, url, token: async () => token, onStatus, events })
}

globalThis.readShare = ({ link: text, url }) => {
  const parsed = parseShareLink(text)
  if (parsed._tag === "Left") throw parsed.left
  const link = parsed.right
  const events = eventsFor(() => remote)
  const remote = connectShared({ link, url: `${url}${link.tenant}`, onStatus, events })
}
