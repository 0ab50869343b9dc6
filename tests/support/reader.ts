/** Everything a tenant's reader can read at a hub: each session with its events' texts, and what it was told beside them. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { type KnownSession, mintToken, parseKey, TenantId } from "agent-sync"
import { connectReader } from "agent-sync/bun"
import type { AgentEvent, LogId } from "agent-sync/events"
import type { Machine } from "./cli.ts"
import { right } from "./right.ts"

export interface ReadSession {
  session: KnownSession
  readonly events: Array<AgentEvent>
}

export interface Read {
  readonly sessions: ReadonlyArray<ReadSession>
  readonly notices: ReadonlyArray<string>
}

/** The keys of a machine's tenant folder, and a token that its secret signs. */
export const keysOf = (on: Machine, tenant = "acme") => {
  const file = (name: string) => readFileSync(join(on.home, "keys", tenant, name), "utf8").trim()
  const reader = right(parseKey(file("reader.key")))
  if (reader.kind !== "reader") throw new Error("the reader's file holds another key")
  const secret = new TextEncoder().encode(file("auth-secret"))
  return {
    reader,
    token: (role: "read" | "write" | "admin") =>
      mintToken(secret, { tenant: TenantId.make(tenant), roles: [role] }, 600)
  }
}

export const readAll = async (on: Machine, url: string, tenant = "acme"): Promise<Read> => {
  const { reader, token } = keysOf(on, tenant)
  const found = new Map<LogId, ReadSession>()
  const waiting = new Set<LogId>()
  const notices: Array<string> = []
  await new Promise<void>((resolve, reject) => {
    let indexRead = false
    const done = () => {
      if (!indexRead || waiting.size > 0) return
      remote.stop()
      resolve()
    }
    const remote = connectReader({
      key: reader,
      url: `${url}/event-log/${tenant}`,
      token: () => token("read"),
      onStatus: (status) => {
        if (status._tag === "Refused" || status._tag === "Offline") reject(new Error(JSON.stringify(status)))
      },
      events: {
        onSession: (session) => {
          const known = found.get(session.log)
          if (known !== undefined) {
            known.session = session
            return
          }
          found.set(session.log, { session, events: [] })
          waiting.add(session.log)
          remote.reader.watch(session.log, "all")
        },
        onIndexRead: () => {
          indexRead = true
          done()
        },
        onEntries: (log, entries) => {
          for (const { content } of entries) if (content._tag === "Event") found.get(log)?.events.push(content.event)
        },
        onCaughtUp: (log) => {
          waiting.delete(log)
          done()
        },
        onNotice: (_, notice) => notices.push(JSON.stringify(notice)),
        onWrongKey: () => reject(new Error("wrong key"))
      }
    })
  })
  return { sessions: [...found.values()], notices }
}

/** The texts of notes and messages, in order. */
export const textsOf = ({ events }: ReadSession): ReadonlyArray<string> =>
  events.flatMap((event) =>
    event.kind === "note"
      ? [event.data.text ?? ""]
      : event.kind === "message"
        ? event.data.parts.flatMap((part) => (part.type === "text" ? [part.text] : []))
        : []
  )
