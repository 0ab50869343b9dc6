/**
 * Finds the writer of a destination, or makes one with its index log and introduction. Sealing to the recorder key is
 * asynchronous, so a new writer is prepared outside the transaction; of two processes the first to insert wins, and
 * the other takes the winner's and removes its own key file.
 */

import * as Either from "effect/Either"
import type { Aead } from "../../crypto/Aead.ts"
import { indexLog, type RecorderKey } from "../../crypto/TenantKey.ts"
import { makeWriter, type WriterIdentity } from "../../crypto/WriterKey.ts"
import type { LogId } from "../../domain/Ids.ts"
import { type Journal, JournalFailed } from "../../journal/Journal.ts"
import type { Introduction, Sealing } from "../../journal/Sealing.ts"
import { introduce, sealingOf } from "../../sync/sealing.ts"
import { nativeHashes } from "../nativeHashes.ts"
import type { SqliteJournalOptions } from "../SqliteJournal.ts"
import { owe, recountOwed } from "./owed.ts"
import type { Store } from "./Store.ts"
import type { WriterFiles } from "./writerFiles.ts"

export interface DestinationOptions {
  readonly aead: Aead
  readonly recorder: RecorderKey
  readonly remotes: SqliteJournalOptions["remotes"]
  readonly host?: string
}

export interface FoundWriter {
  readonly row: number
  readonly identity: WriterIdentity
  readonly sealing: Sealing
  readonly fresh: Journal["fresh"]
}

type Fresh = Exclude<Journal["fresh"], false>

/** Rounds in which another process was faster, or a key file went away meanwhile. One is usual, two are rare. */
const ROUNDS = 5

export const findWriter = async (
  store: Store,
  files: WriterFiles,
  options: DestinationOptions
): Promise<Either.Either<FoundWriter, JournalFailed>> => {
  const { aead, host, recorder, remotes } = options
  const index = indexLog(recorder)
  let made: { readonly identity: WriterIdentity; readonly introduction: Introduction } | undefined
  let inserted = false
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const looked = store.write(() => {
        const destination = destinationRow(store, index, remotes)
        const going = goingOn(store, destination)
        if (going !== undefined || made === undefined) return { going }
        const sealing = sealingOf(aead, recorder, made.identity, nativeHashes)
        return {
          found: { ...insert(store, destination, sealing, made.introduction), identity: made.identity, sealing }
        }
      })
      if (Either.isLeft(looked)) return Either.left(looked.left)
      const { found, going } = looked.right
      if (found !== undefined) {
        inserted = true
        return Either.right(found)
      }
      if (going === undefined) {
        const identity = makeWriter()
        const introduction = await introduce(recorder, identity, host)
        const saved = files.save(identity)
        if (Either.isLeft(saved)) return Either.left(saved.left)
        made = { identity, introduction }
        continue
      }
      const loaded = files.load(going.name)
      if (Either.isLeft(loaded)) return Either.left(loaded.left)
      if (loaded.right !== undefined) {
        const identity = loaded.right
        return Either.right({
          row: going.id,
          identity,
          sealing: sealingOf(aead, recorder, identity, nativeHashes),
          fresh: false
        })
      }
      const ended = store.write(() =>
        store.run("UPDATE writer SET ended = 'keys lost' WHERE id = ? AND ended IS NULL", going.id)
      )
      if (Either.isLeft(ended)) return Either.left(ended.left)
    }
    return failed(store, "its writer's key file keeps going away. Look at what removes files from the keys folder")
  } catch (error) {
    return failed(store, "nothing can be sealed to this recorder key", error)
  } finally {
    if (!inserted && made !== undefined) files.remove(made.identity.id)
  }
}

/** Ended writers of the same destination whose keys are still here, oldest first. */
export const findEarlier = (
  store: Store,
  files: WriterFiles,
  { aead, recorder }: Pick<DestinationOptions, "aead" | "recorder">,
  of: number
): ReadonlyArray<FoundWriter> => {
  const ended = store.read(() =>
    store.all<{ id: number; name: Uint8Array }>(
      `SELECT id, name FROM writer WHERE ended IS NOT NULL
       AND destination = (SELECT destination FROM writer WHERE id = ?) ORDER BY id`,
      of
    )
  )
  return Either.getOrElse(ended, () => []).flatMap(({ id, name }) => {
    const identity = Either.getOrUndefined(files.load(name))
    if (identity === undefined) return []
    return [{ row: id, identity, sealing: sealingOf(aead, recorder, identity, nativeHashes), fresh: false as const }]
  })
}

const goingOn = (store: Store, destination: number) =>
  store.get<{ id: number; name: Uint8Array }>(
    "SELECT id, name FROM writer WHERE destination = ? AND ended IS NULL",
    destination
  )

/** The destination's row; what was recorded for no remote becomes that of the first remotes, unless it is never to leave. */
const destinationRow = (store: Store, index: LogId, to: DestinationOptions["remotes"]): number => {
  const nameFor = (addresses: DestinationOptions["remotes"]) =>
    store.nameOf(
      "destination",
      [index, ...(addresses === "never" ? [addresses] : new Set([...addresses].sort()))].join("\n")
    )
  const rowOf = (addresses: DestinationOptions["remotes"]) =>
    store.get<{ id: number }>("SELECT id FROM destination WHERE name = ?", nameFor(addresses))?.id
  const exact = rowOf(to)
  if (exact !== undefined) return exact
  const remotes = to === "never" ? [] : to
  const isFirst =
    store.get(
      "SELECT 1 FROM destination WHERE index_log = ? AND name NOT IN (?, ?)",
      index,
      nameFor([]),
      nameFor("never")
    ) === undefined
  const waiting = isFirst && to !== "never" ? rowOf([]) : undefined
  const row =
    waiting ??
    store.get<{ id: number }>(
      "INSERT INTO destination (index_log, name) VALUES (?, ?) RETURNING id",
      index,
      nameFor(to)
    )!.id
  if (waiting !== undefined) store.run("UPDATE destination SET name = ? WHERE id = ?", nameFor(to), row)
  for (const address of new Set(remotes)) {
    const remote = remoteRow(store, address)
    store.run("INSERT INTO route (remote, destination) VALUES (?, ?)", remote, row)
    recountOwed(store, remote)
  }
  return row
}

/** The row of an address; inside a write. */
export const remoteRow = (store: Store, address: string): number => {
  const name = store.nameOf("remote", address)
  const known = store.get<{ id: number }>("SELECT id FROM remote WHERE name = ?", name)
  if (known !== undefined) return known.id
  return store.get<{ id: number }>("INSERT INTO remote (name) VALUES (?) RETURNING id", name)!.id
}

const insert = (store: Store, destination: number, sealing: Sealing, { entryId, sealed }: Introduction) => {
  const before = store.get<{ ended: Fresh }>(
    "SELECT ended FROM writer WHERE destination = ? ORDER BY id DESC LIMIT 1",
    destination
  )
  const { index, writer } = sealing
  const { id: row } = store.get<{ id: number }>(
    "INSERT INTO writer (destination, name, signer) VALUES (?, ?, ?) RETURNING id",
    destination,
    writer.id,
    writer.signer
  )!
  const { id: log } = store.get<{ id: number }>(
    "INSERT INTO log (writer, name, keep, last, digest) VALUES (?, ?, 1, 1, ?) RETURNING id",
    row,
    index,
    sealing.digest(sealed)
  )!
  store.run("INSERT INTO entry (id, entry_id, sealed) VALUES ((? << 32) | 1, ?, ?)", log, entryId, sealed)
  owe(store, row, log)
  return { row, fresh: before?.ended ?? ("first" as const) }
}

const failed = (store: Store, why: string, cause?: unknown) =>
  Either.left(new JournalFailed({ reason: "other", what: `The journal ${store.file} cannot begin: ${why}.`, cause }))
