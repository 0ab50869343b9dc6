/**
 * What a socket's attachment remembers of its peer, since the object may sleep between two messages: rights, watches,
 * whether a message is half received. It holds what most sockets need; what does not fit lies in a table of the object.
 */
import { ALL, type PeerMemory, type Remembered, type Rights } from "../hub/Peer.ts"
import type { Sql } from "../hub/sql/Sql.ts"

export interface SocketMemory extends PeerMemory {
  readonly rights: Rights
  readonly extended: boolean
  readonly before: () => Remembered
  /** The socket is gone. */
  readonly forget: () => void
}

/** An attachment takes 16,384 bytes, serialised (seen with workerd); a log's name up to 128, and its place. */
const ATTACHED_WATCHES = 64
const ATTACHED_LOGS = 64

interface Attachment {
  readonly version: 1
  readonly extended: boolean
  readonly unfinished: boolean
  readonly watches: ReadonlyArray<readonly [log: string, sent: number]>
  readonly rights: Rights
  /** Its number in the tables, where it has rows there. */
  readonly id?: number
}

/** Of one object; makes its tables when the first socket needs them. */
export const makeSocketMemory = (sql: Sql) => {
  let prepared: Tables | undefined
  const tables = () => {
    prepared ??= tablesOf(sql)
    return prepared
  }

  const memoryOf = (
    socket: WebSocket,
    { extended, rights, unfinished, watches, ...rest }: Attachment
  ): SocketMemory => {
    const attached = new Map(watches)
    let { id } = rest
    let open = unfinished
    /** A list of logs that is too long lies in the table. */
    let full = rights
    const save = () => {
      const { logs, ...short } = full
      const long = logs !== undefined && logs.length > ATTACHED_LOGS
      if (long) number()
      const kept: Attachment = {
        version: 1,
        extended,
        unfinished: open,
        watches: [...attached],
        rights: long ? short : full,
        ...(id === undefined ? {} : { id })
      }
      try {
        socket.serializeAttachment(kept)
      } catch {
        // It was closed already, and needs no memory.
      }
    }
    const number = () => {
      id ??= tables().create(JSON.stringify(full))[0]!.id
      return id
    }
    const found = id === undefined ? undefined : tables().rights(id)[0]?.rights
    if (found !== undefined) full = JSON.parse(found) as Rights
    return {
      get rights() {
        return full
      },
      extended,
      before: () => {
        const more = id === undefined ? [] : tables().watches(id)
        return {
          unfinished: open,
          watches: [...attached, ...more.map(({ log, sent }) => [log, sent < 0 ? ALL : sent] as const)]
        }
      },
      watches: (log, sent) => {
        if (sent === undefined) {
          if (attached.delete(log)) save()
          else if (id !== undefined) tables().unwatch(id, log)
        } else if (attached.has(log) || attached.size < ATTACHED_WATCHES) {
          if (attached.get(log) === sent) return
          // One that is in the table stays there.
          if (!attached.has(log) && id !== undefined && tables().knows(id, log).length > 0) {
            tables().watch(id, log, sent === ALL ? -1 : sent)
            return
          }
          attached.set(log, sent)
          save()
        } else {
          const before = id
          tables().watch(number(), log, sent === ALL ? -1 : sent)
          if (before === undefined) save()
        }
      },
      unfinished: (now) => {
        open = now
        save()
      },
      forget: () => {
        if (id === undefined) return
        tables().forget(id)
        tables().forgetWatches(id)
      }
    }
  }

  return {
    /** For a socket that is new. */
    begin: (socket: WebSocket, rights: Rights, extended: boolean): SocketMemory => {
      const memory = memoryOf(socket, { version: 1, rights, extended, unfinished: false, watches: [] })
      memory.unfinished(false)
      return memory
    },
    /** For one that was there before the object woke; undefined where it says nothing we know. */
    recall: (socket: WebSocket): SocketMemory | undefined => {
      const kept: unknown = socket.deserializeAttachment()
      return isAttachment(kept) ? memoryOf(socket, kept) : undefined
    },
    /** Forgets sockets that went without saying so, as they do when an object is moved or updated. */
    clean: (sockets: ReadonlyArray<WebSocket>): void => {
      if (!hasTables(sql)) return
      const living = new Set(
        sockets.map((socket) => socket.deserializeAttachment()).map((kept: unknown) => isAttachment(kept) && kept.id)
      )
      for (const { id } of tables().all()) {
        if (living.has(id)) continue
        tables().forget(id)
        tables().forgetWatches(id)
      }
    }
  }
}

const isAttachment = (kept: unknown): kept is Attachment =>
  typeof kept === "object" && kept !== null && "version" in kept && kept.version === 1

const hasTables = (sql: Sql) =>
  sql.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'sockets'")().length > 0

type Tables = ReturnType<typeof tablesOf>

const tablesOf = (sql: Sql) => {
  sql.script(`
    CREATE TABLE IF NOT EXISTS sockets (id INTEGER PRIMARY KEY, rights TEXT NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS watches (
      socket INTEGER NOT NULL,
      log TEXT NOT NULL,
      sent INTEGER NOT NULL,
      PRIMARY KEY (socket, log)
    ) STRICT, WITHOUT ROWID;
  `)
  return {
    create: sql.prepare<{ id: number }>("INSERT INTO sockets (rights) VALUES (?1) RETURNING id"),
    rights: sql.prepare<{ rights: string }>("SELECT rights FROM sockets WHERE id = ?1"),
    all: sql.prepare<{ id: number }>("SELECT id FROM sockets"),
    forget: sql.command("DELETE FROM sockets WHERE id = ?1"),
    watches: sql.prepare<{ log: string; sent: number }>("SELECT log, sent FROM watches WHERE socket = ?1"),
    knows: sql.prepare("SELECT 1 FROM watches WHERE socket = ?1 AND log = ?2"),
    /** `sent` is -1 for all there is. */
    watch: sql.command("INSERT OR REPLACE INTO watches VALUES (?1, ?2, ?3)"),
    unwatch: sql.command("DELETE FROM watches WHERE socket = ?1 AND log = ?2"),
    forgetWatches: sql.command("DELETE FROM watches WHERE socket = ?1")
  }
}
