/** Events of runs that have not told their session yet, sealed under the writer key: MessagePack of `[1, run, plains]`. */
import { Packr } from "msgpackr"
import { timeOf } from "../../crypto/EntryId.ts"
import type { Plain } from "../../domain/Payload.ts"
import type { PendingRun } from "../../journal/Journal.ts"
import type { Sealing } from "../../journal/Sealing.ts"
import type { Keeping } from "../../sync/sealing.ts"
import { damaged } from "./failure.ts"
import type { Store } from "./Store.ts"

export interface Pending {
  /** Inside a write. */
  readonly add: (run: string, plains: ReadonlyArray<Plain>) => void
  /** Inside a write: what waits for this run, oldest first; nothing of it does any longer. */
  readonly take: (run: string) => ReadonlyArray<Plain>
  /** Inside a write. */
  readonly drop: (run: string) => void
  /** Inside a read. */
  readonly all: () => ReadonlyArray<PendingRun>
}

interface Row {
  readonly entry_id: Uint8Array
  readonly sealed: Uint8Array
}

/** Of the writer in row `writer`. */
export const pendingOf = (store: Store, keeping: Keeping, sealing: Sealing, writer: number): Pending => {
  const nameOf = (run: string) => keeping.nameOf(`run ${run}`)
  const drop = (run: string) => store.run("DELETE FROM pending WHERE writer = ? AND run = ?", writer, nameOf(run))
  const opened = (row: Row): Waiting => {
    const bytes = keeping.open({ log: sealing.index, entryId: row.entry_id }, row.sealed)
    const waiting = bytes === undefined ? undefined : decode(bytes)
    if (waiting === undefined) throw damaged(store.file, "an event that waits for its session")
    return waiting
  }
  return {
    drop,
    add: (run, plains) => {
      const entryId = sealing.makeEntryId()
      const sealed = keeping.seal({ log: sealing.index, entryId }, encode({ run, plains }))
      store.run(
        "INSERT INTO pending (writer, run, entry_id, sealed) VALUES (?, ?, ?, ?)",
        writer,
        nameOf(run),
        entryId,
        sealed
      )
    },
    take: (run) => {
      const rows = store.all<Row>(
        "SELECT entry_id, sealed FROM pending WHERE writer = ? AND run = ? ORDER BY id",
        writer,
        nameOf(run)
      )
      drop(run)
      return rows.flatMap((row) => opened(row).plains)
    },
    all: () => {
      const runs = new Map<string, PendingRun>()
      const rows = store.all<Row>("SELECT entry_id, sealed FROM pending WHERE writer = ? ORDER BY id", writer)
      for (const row of rows) {
        const { plains, run } = opened(row)
        const until = timeOf(row.entry_id)
        const before = runs.get(run)
        runs.set(run, { run, since: before?.since ?? until, until, plains: [...(before?.plains ?? []), ...plains] })
      }
      return [...runs.values()]
    }
  }
}

interface Waiting {
  readonly run: string
  readonly plains: ReadonlyArray<Plain>
}

const VERSION = 1
const packr = new Packr({ useRecords: false, copyBuffers: true })

const encode = ({ plains, run }: Waiting): Uint8Array =>
  // A copy: msgpackr goes on using the block that it answers.
  Uint8Array.from(
    packr.pack([VERSION, run, plains.map(({ event, payload, primaryKey }) => [event, primaryKey, payload])])
  )

/** Undefined for what this version did not write. The bytes come out of a seal of our own, so they are not hostile. */
const decode = (bytes: Uint8Array): Waiting | undefined => {
  const fields: unknown = packr.unpack(bytes)
  if (!Array.isArray(fields)) return undefined
  const [version, run, plains] = fields as ReadonlyArray<unknown>
  if (version !== VERSION || typeof run !== "string" || !Array.isArray(plains)) return undefined
  return { run, plains: plains.map(plainOf) }
}

const plainOf = ([event, primaryKey, payload]: readonly [string, string, Uint8Array]): Plain => ({
  event,
  primaryKey,
  payload: new Uint8Array(payload)
})
