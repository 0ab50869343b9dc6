/**
 * The journal as one SQLite file in WAL mode, shared by every process of the machine; its parts are in `journal/`
 * beside this. Writers' keys lie in the keys folder, so a copied file alone says nothing.
 *
 * A writer that cannot go on (its key file is gone, or the file is a copy) is ended, and a new one takes its
 * destination, with new logs. Its old entries stay in the outbox: they are the bytes and ids that the original
 * pushes, so a hub stores them once, whoever comes first; nothing is ever appended to them. What waited unnamed
 * under it stays sealed there.
 */

import * as Either from "effect/Either"
import { type Aead, aead as portableAead } from "../crypto/Aead.ts"
import type { RecorderKey } from "../crypto/TenantKey.ts"
import type { LogId } from "../domain/Ids.ts"
import type { Plain } from "../domain/Payload.ts"
import { type Journal, type JournalEntry, JournalFailed, type OwnLog } from "../journal/Journal.ts"
import { beginning, type ExtendOptions, extend, type Head, movable, moved, type Opened } from "../journal/Sealing.ts"
import { besideLog, type Keeping, keepingOf } from "../sync/sealing.ts"
import { type FoundWriter, findEarlier, findWriter } from "./journal/destination.ts"
import { damaged } from "./journal/failure.ts"
import { marksOf } from "./journal/marks.ts"
import { outboxOf, readEntries } from "./journal/outbox.ts"
import { owe } from "./journal/owed.ts"
import { pendingOf } from "./journal/pending.ts"
import { receivedOf } from "./journal/received.ts"
import * as Refusals from "./journal/refusals.ts"
import { openStore, type Store } from "./journal/Store.ts"
import { makeWake } from "./journal/wake.ts"
import { writerFiles } from "./journal/writerFiles.ts"
import { nativeHashes } from "./nativeHashes.ts"
import { isGone, thisProcess } from "./process.ts"

/** One writer's journal file. */
export interface SqliteJournalOptions {
  /** Made, 0600, where it is not there; its folder too, 0700. */
  readonly file: string
  /** Where writers' keys lie, 0600; made where it is not there. */
  readonly keysFolder: string
  /** The tenant's: whom its writers hand their keys. */
  readonly recorder: RecorderKey
  /** Addresses of hubs, each always written the same way; `never` is for what stays on this machine, whatever hub there will be. */
  readonly remotes: ReadonlyArray<string> | "never"
  /** This machine's name, for readers. */
  readonly host?: string
  /** AES-256-GCM; the portable one where it is not given. */
  readonly aead?: Aead
  /**
   * Milliseconds that a write waits for another process's, blocking; 5,000 where it is not given. Who must not block
   * gives little, and tries again when it is told `locked`.
   */
  readonly waitMs?: number
}

/** Waits for no network. Fails where the file or the keys folder cannot be used, or the file is damaged or newer. */
export const open = async (options: SqliteJournalOptions): Promise<Either.Either<Journal, JournalFailed>> => {
  const { aead = portableAead, file, keysFolder, waitMs, ...rest } = options
  const opened = await openStore(file)
  if (Either.isLeft(opened)) return Either.left(opened.left)
  const store = opened.right
  const found = await findWriter(store, writerFiles(keysFolder), { aead, ...rest })
  if (Either.isRight(found)) {
    if (waitMs !== undefined) store.waitAtMost(waitMs)
    const earlier = findEarlier(store, writerFiles(keysFolder), { aead, ...rest }, found.right.row).map((writer) =>
      journalOf(store, writer, keepingOf(aead, writer.identity, nativeHashes))
    )
    return Either.right({
      ...journalOf(store, found.right, keepingOf(aead, found.right.identity, nativeHashes)),
      earlier
    })
  }
  store.close()
  return Either.left(found.left)
}

interface LogRow extends Head {
  readonly id: number
  readonly name: LogId
  readonly keep: number
  readonly key: Uint8Array | null
  readonly forgot: number
}

const LOG = "SELECT id, name, keep, key, last, digest, forgot FROM log"

const journalOf = (store: Store, { fresh, row: writer, sealing }: FoundWriter, keeping: Keeping): Journal => {
  const wake = makeWake(store)
  const marked = marksOf(store, keeping)
  const pending = pendingOf(store, keeping, sealing, writer)
  /** Opened log keys; they never change. */
  const keys = new Map<LogId, Uint8Array>([[sealing.index, sealing.indexKey]])

  const keyOf = ({ key, name }: LogRow): Uint8Array => {
    const known = keys.get(name)
    if (known !== undefined) return known
    const opened = key === null ? undefined : keeping.open({ log: name, entryId: besideLog("log key") }, key)
    if (opened === undefined) throw damaged(store.file, `the key of log ${name}`)
    keys.set(name, opened)
    return opened
  }
  const ownLog = (row: LogRow): OwnLog => ({
    id: row.name,
    kind: row.keep === 1 ? "index" : "session",
    key: keyOf(row),
    last: row.last,
    forgot: row.forgot
  })
  const logRow = (log: LogId): LogRow => {
    const row = store.get<LogRow>(`${LOG} WHERE writer = ? AND name = ?`, writer, log)
    if (row === undefined) throw new JournalFailed({ reason: "other", what: `This journal has no log ${log}.` })
    return row
  }

  /** Inside a write. */
  const extendLog = (
    log: LogId,
    plains: ReadonlyArray<Plain>,
    options: ExtendOptions = {}
  ): ReadonlyArray<JournalEntry> => {
    const row = logRow(log)
    if (plains.length === 0 && options.signed !== true) return []
    const { entries, head } = extend(sealing, { id: log, key: keyOf(row) }, row, plains, options)
    for (const { entryId, n, sealed } of entries) {
      store.run("INSERT INTO entry (id, entry_id, sealed) VALUES ((? << 32) | ?, ?, ?)", row.id, n, entryId, sealed)
    }
    store.run("UPDATE log SET last = ?, digest = ? WHERE id = ?", head.last, head.digest, row.id)
    owe(store, writer, row.id)
    return entries
  }
  /** Inside a write. */
  const newLog = () => {
    const { id: name, key } = sealing.makeLog()
    const { id } = store.get<{ id: number }>(
      "INSERT INTO log (writer, name, keep, key, last, digest) VALUES (?, ?, 0, ?, ?, ?) RETURNING id",
      writer,
      name,
      keeping.seal({ log: name, entryId: besideLog("log key") }, key),
      beginning.last,
      beginning.digest
    )!
    return { row: id, id: name, key }
  }
  const logNamed = (session: string) =>
    store.get<LogRow>(
      `${LOG} WHERE id = (SELECT log FROM session WHERE writer = ? AND name = ?)`,
      writer,
      keeping.nameOf(`session ${session}`)
    )
  /** How many entries of a log a hub had when it refused it, and why it did; undefined where none of the hubs there now did. */
  const refusalOf = (log: LogId) => {
    const row = store.get<{ acked: number; refused: Uint8Array }>(
      `SELECT delivery.acked, delivery.refused FROM log JOIN delivery ON delivery.log = log.id
       JOIN remote ON remote.hub = delivery.hub
       JOIN route ON route.remote = remote.id JOIN writer ON writer.id = log.writer
       WHERE log.writer = ? AND log.name = ? AND delivery.refused IS NOT NULL
       AND route.destination = writer.destination ORDER BY delivery.acked LIMIT 1`,
      writer,
      log
    )
    return row === undefined ? undefined : { acked: row.acked, code: Refusals.open(keeping, log, row.refused) }
  }
  const openEntry = (key: Uint8Array, { entryId, log, n, sealed }: JournalEntry): Opened => {
    const opened = sealing.open(key, { log, entryId }, sealed)
    if (opened === undefined) throw damaged(store.file, `entry ${n} of log ${log}`)
    return opened
  }
  /** Inside a write. */
  const nameLog = (session: string, log: number) => {
    const name = keeping.nameOf(`session ${session}`)
    store.run("INSERT OR REPLACE INTO session (writer, name, log) VALUES (?, ?, ?)", writer, name, log)
  }
  const told = (answer: Either.Either<ReadonlyArray<JournalEntry>, JournalFailed>) => {
    if (Either.isRight(answer) && answer.right.length > 0) wake.tell()
    return answer
  }

  return {
    writer: sealing.writer,
    fresh,
    index: sealing.index,
    openLog: (session) =>
      store.write(() => {
        const known = logNamed(session)
        if (known !== undefined) return { ...ownLog(known), created: false }
        const { id, key, row } = newLog()
        nameLog(session, row)
        return { id, kind: "session", key, last: beginning.last, forgot: 0, created: true }
      }),
    renew: (session, log, introduce) =>
      Either.flatMap(
        store.read(() => refusalOf(log)),
        (refusal): Either.Either<LogId | undefined, JournalFailed> => {
          if (refusal === undefined) return Either.right(undefined)
          const { acked, code } = refusal
          const renewed = store.write(() => {
            const old = logNamed(session)
            // Another process that records this session was first.
            if (old !== undefined && old.name !== log) return old.name
            const from = old ?? logRow(log)
            const key = keyOf(from)
            const made = newLog()
            store.run("UPDATE session SET log = ? WHERE writer = ? AND log = ?", made.row, writer, from.id)
            store.run("UPDATE recording SET log = ? WHERE writer = ? AND log = ?", made.row, writer, from.id)
            store.run("INSERT INTO mark (log, name) SELECT ?, name FROM mark WHERE log = ?", made.row, from.id)
            const { first, index } = introduce(made, { acked, last: from.last })
            const rest = movable(readEntries(store, log, from.id, acked + 1, from.last), code, (entry) =>
              openEntry(key, entry)
            )
            extendLog(sealing.index, index)
            extendLog(made.id, ...moved(first, rest))
            return made.id
          })
          if (Either.isRight(renewed)) wake.tell()
          return renewed
        }
      ),
    stranded: () =>
      store.read(() =>
        store
          .all<{ log: LogId }>(
            `SELECT DISTINCT log.name AS log, log.id FROM delivery CROSS JOIN log ON log.id = delivery.log
             JOIN writer ON writer.id = log.writer JOIN remote ON remote.hub = delivery.hub
             JOIN route ON route.remote = remote.id AND route.destination = writer.destination
             WHERE delivery.refused IS NOT NULL AND delivery.acked > 0 AND delivery.acked < log.last
             AND log.writer = ? AND EXISTS (SELECT 1 FROM session WHERE session.log = log.id) ORDER BY log.id`,
            writer
          )
          .map(({ log }) => log)
      ),
    joinLog: (log, key) =>
      store.write(() => {
        const known = store.get<LogRow>(`${LOG} WHERE writer = ? AND name = ?`, writer, log)
        if (known !== undefined) return ownLog(known)
        store.run(
          "INSERT INTO log (writer, name, keep, key, last, digest) VALUES (?, ?, 0, ?, ?, ?)",
          writer,
          log,
          keeping.seal({ log, entryId: besideLog("log key") }, key),
          beginning.last,
          beginning.digest
        )
        return ownLog(logRow(log))
      }),
    alias: (log, session) => store.write(() => nameLog(session, logRow(log).id)),
    reach: (logs) => store.read(() => new Map(Array.from(logs, (log) => [log, logRow(log).last]))),
    logs: () =>
      store.read(() => store.all<LogRow>(`${LOG} WHERE writer = ? ORDER BY keep DESC, id`, writer).map(ownLog)),
    append: (log, plains, options = {}) =>
      plains.length === 0 &&
      options.signed !== true &&
      options.insteadOf === undefined &&
      options.releases === undefined
        ? Either.right([])
        : told(
            store.write(() => {
              const { ids, insteadOf, marks, releases, unless } = options
              if (releases !== undefined)
                store.run("DELETE FROM recording WHERE writer = ? AND run = ?", writer, releases)
              if (insteadOf !== undefined) pending.drop(insteadOf)
              if (marks === undefined && unless === undefined) return extendLog(log, plains, options)
              const { id } = logRow(log)
              const isNew = plains.map((_, n) => marked.keepNew(id, marks?.[n], unless?.[n]))
              const fresh = <A>(all: ReadonlyArray<A>) => all.filter((_, n) => isNew[n])
              return extendLog(log, fresh(plains), { ...options, ...(ids === undefined ? {} : { ids: fresh(ids) }) })
            })
          ),
    known: (log, marks) =>
      store.read(() => {
        const { id } = logRow(log)
        return marks.map((mark) => marked.has(id, mark))
      }),
    mark: (log, marks) =>
      store.write(() => {
        const { id } = logRow(log)
        for (const mark of marks) marked.keep(id, mark)
      }),
    read: (log, n, limit) => store.read(() => readEntries(store, log, logRow(log).id, n, limit)),
    forget: (log, upTo) =>
      store.write(() => {
        const row = logRow(log)
        if (row.keep === 1) return 0
        const { acked } = store.get<{ acked: number }>(
          `SELECT coalesce(min(coalesce(delivery.acked, 0)), 0) AS acked FROM writer
           JOIN route ON route.destination = writer.destination
           JOIN remote ON remote.id = route.remote
           LEFT JOIN delivery ON delivery.hub = remote.hub AND delivery.log = ?2
           WHERE writer.id = ?1`,
          writer,
          row.id
        )!
        const to = Math.min(upTo, acked)
        if (to > 1) store.run("UPDATE log SET forgot = max(forgot, ?) WHERE id = ?", to, row.id)
        return store.run("DELETE FROM entry WHERE id > (?1 << 32) | 1 AND id <= (?1 << 32) | ?2", row.id, to)
      }),
    pend: (run, plains, insteadOf) =>
      plains.length === 0 && insteadOf === undefined
        ? Either.right(undefined)
        : store.write(() => {
            if (insteadOf !== undefined) pending.drop(insteadOf)
            if (plains.length > 0) pending.add(run, plains)
          }),
    settle: (run, log) => told(store.write(() => extendLog(log, pending.take(run)))),
    pending: () => store.read(pending.all),
    hold: (log, run) =>
      store.write(() => {
        store.run(
          "INSERT OR REPLACE INTO recording (writer, run, log, process) VALUES (?, ?, ?, ?)",
          writer,
          run,
          logRow(log).id,
          thisProcess()
        )
      }),
    left: () =>
      store.read(() =>
        store
          .all<{ log: LogId; run: string; process: string }>(
            `SELECT log.name AS log, run, process FROM recording JOIN log ON log.id = recording.log
             WHERE recording.writer = ?`,
            writer
          )
          .filter(({ process }) => isGone(process))
          .map(({ log, run }) => ({ log, run }))
      ),
    outbox: (remote) => outboxOf(store, keeping, remote, writer),
    received: (remote) => receivedOf(store, remote),
    onAppend: wake.onAppend,
    close: () => {
      wake.close()
      store.close()
    }
  }
}
