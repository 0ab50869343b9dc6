/** Our peers for the same tests: a hub, a machine that records, a reader that reads all; and a relay that cuts lines. */
import { connectJournal, connectReader, EventLogRemoteServer } from "agent-sync/bun"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { nativeAead } from "../../sdk/src/bun/nativeAead.ts"
import type { ReaderKey } from "../../sdk/src/crypto/TenantKey.ts"
import { makeWriter } from "../../sdk/src/crypto/WriterKey.ts"
import { SessionId } from "../../sdk/src/domain/Ids.ts"
import { encodeIndex } from "../../sdk/src/domain/Payload.ts"
import * as Access from "../../sdk/src/hub/Access.ts"
import type { HubStorage } from "../../sdk/src/hub/HubStorage.ts"
import * as MemoryJournal from "../../sdk/src/journal/MemoryJournal.ts"
import { decodeRequest, decodeResponse, encodeResponse } from "../../sdk/src/protocol/Codec.ts"
import type { Request, Response } from "../../sdk/src/protocol/Message.ts"
import { introduce, sealingOf } from "../../sdk/src/sync/sealing.ts"
import { note } from "../support/note.ts"
import { right } from "../support/right.ts"

type Undo = Array<() => unknown>

/** Waits for something that sockets bring about; a test that waits in vain ends by its own limit. */
export const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await holds())) await Bun.sleep(10)
}

/** Answers the address of a tenant. */
export const ourHub = async (undo: Undo, storage: () => HubStorage): Promise<string> => {
  const scope = await Effect.runPromise(Scope.make())
  const { url } = await EventLogRemoteServer.make({
    port: 0,
    hostname: "127.0.0.1",
    access: Access.off,
    storage: () => Either.right(storage())
  }).pipe(Scope.extend(scope), Effect.runPromise)
  undo.push(() => Effect.runPromise(Scope.close(scope, Exit.void)))
  return `${url}/event-log/acme`
}

/** A machine with a journal that is owed to one address. */
export const recorder = async (undo: Undo, url: string, key: ReaderKey) => {
  const identity = makeWriter()
  const journal = MemoryJournal.open({
    sealing: sealingOf(nativeAead, key.recorder, identity),
    introduction: await introduce(key.recorder, identity, "test"),
    remotes: [url]
  })
  const troubles: Array<string> = []
  const lost: Array<string> = []
  undo.push(journal.close)
  const connect = () => {
    const remote = connectJournal({
      journal,
      url,
      token: async () => undefined,
      onStatus: (status) => {
        if (status._tag === "Offline") lost.push(status.why)
      },
      onTrouble: (what) => troubles.push(what)
    })
    undo.push(remote.stop)
    return remote
  }
  return {
    remote: connect(),
    /** Once more, knowing nothing of the first but what the journal keeps. */
    connect,
    troubles,
    lost,
    /** Begins a session; answers how to write to it. */
    session: (id: string) => {
      const log = right(journal.openLog(`text:${id}`))
      const started = {
        _tag: "index.started" as const,
        log: log.id,
        key: log.key,
        time: 0,
        session: SessionId.make(id),
        agent: "text",
        title: id
      }
      right(journal.append(journal.index, [encodeIndex(started)]))
      return (...texts: ReadonlyArray<string>) => void right(journal.append(log.id, texts.map(note)))
    }
  }
}

/** Reads every session of a tenant; `tail`: about so many of its last entries. */
export const reader = (undo: Undo, url: string, key: ReaderKey, tail: number | "all" = "all") => {
  const texts = new Map<string, Array<string>>()
  const notices: Array<string> = []
  const caughtUp: Array<string> = []
  const lost: Array<string> = []
  const names = new Map<string, string>()
  const remote = connectReader({
    key,
    url,
    token: async () => undefined,
    onStatus: (status) => {
      if (status._tag === "Offline") lost.push(status.why)
    },
    events: {
      onSession: ({ log, title }, change) => {
        if (change !== "started") return
        names.set(log, title ?? "")
        texts.set(title ?? "", [])
        remote.reader.watch(log, tail)
      },
      onIndexRead: () => caughtUp.push("index"),
      onEntries: (log, entries) => {
        for (const { content } of entries) {
          if (content._tag !== "Event" || content.event.kind !== "note") continue
          texts.get(names.get(log) ?? "")?.push(content.event.data.text ?? "")
        }
      },
      onCaughtUp: (log) => caughtUp.push(names.get(log) ?? ""),
      onNotice: (_, notice) => notices.push(JSON.stringify(notice)),
      onWrongKey: () => notices.push("wrong key")
    }
  })
  undo.push(remote.stop)
  return {
    remote,
    notices,
    caughtUp,
    lost,
    texts: (session: string) => texts.get(session) ?? [],
    sessions: () => [...texts.keys()].sort()
  }
}

export interface Relay {
  readonly url: string
  /** Whole requests that came by, of all connections. */
  readonly requests: ReadonlyArray<Request>
  /** How many connections there were. */
  readonly connections: () => number
  /** What becomes of a message to the client; undefined cuts its connection instead. */
  toClient: (response: Response) => Response | undefined
  /** Cuts every connection. */
  readonly cut: () => void
}

/** Stands between a client and a hub. */
export const relay = (undo: Undo, target: string): Relay => {
  interface Line {
    hub: WebSocket | undefined
    readonly early: Array<Uint8Array<ArrayBuffer> | string>
  }
  const requests: Array<Request> = []
  const lines = new Set<Bun.ServerWebSocket<Line>>()
  let connections = 0
  const server = Bun.serve<Line, never>({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request, self) =>
      self.upgrade(request, { data: { hub: undefined, early: [] } })
        ? undefined
        : new Response("not a socket", { status: 400 }),
    websocket: {
      open: (client) => {
        connections++
        lines.add(client)
        const hub = new WebSocket(target, { protocols: ["agent-sync"] })
        hub.binaryType = "arraybuffer"
        client.data.hub = hub
        hub.onopen = () => {
          for (const frame of client.data.early.splice(0)) hub.send(frame)
        }
        hub.onmessage = ({ data }: MessageEvent<ArrayBuffer | string>) => {
          if (client.readyState !== WebSocket.OPEN) return
          if (typeof data === "string") {
            client.send(data)
            return
          }
          const came = right(decodeResponse(new Uint8Array(data)))
          const passed = relay.toClient(came)
          if (passed === undefined) client.close(1011, "cut")
          else client.send(passed === came ? new Uint8Array(data) : encodeResponse(passed))
        }
        hub.onclose = ({ code }) => client.close(code === 1006 || code === 1005 ? 1011 : code)
      },
      message: (client, frame) => {
        if (typeof frame !== "string") requests.push(right(decodeRequest(frame)))
        const { early, hub } = client.data
        const own = typeof frame === "string" ? frame : new Uint8Array(frame)
        if (hub?.readyState === WebSocket.OPEN) hub.send(own)
        else early.push(own)
      },
      close: (client) => {
        lines.delete(client)
        client.data.hub?.close()
      }
    }
  })
  undo.push(() => server.stop(true))
  const relay: Relay = {
    url: `ws://127.0.0.1:${server.port}/event-log/acme`,
    requests,
    connections: () => connections,
    toClient: (response) => response,
    cut: () => {
      for (const line of lines) line.close(1011, "cut")
    }
  }
  return relay
}
