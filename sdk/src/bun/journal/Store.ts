/**
 * The journal's file as transactions: opened, checked and, where it is new, laid out. Failures of SQLite become
 * `JournalFailed` here and nowhere else. A file that turns out to be a copy has its writers ended on opening.
 */
import { chmodSync, closeSync, mkdirSync, openSync, statSync } from "node:fs"
import { dirname } from "node:path"
import { bytesToHex } from "@noble/hashes/utils.js"
import * as Either from "effect/Either"
import { openDatabase } from "#sqlite"
import { lookup } from "../../crypto/WriterKey.ts"
import { JournalFailed } from "../../journal/Journal.ts"
import { troubleOf } from "../trouble.ts"
import type { Database, Statement, Value } from "./Database.ts"
import { failureOf } from "./failure.ts"
import { isSamePlace, type Place, placeOf } from "./place.ts"
import { APPLICATION, FORMAT, STEPS } from "./schema.ts"

export interface Store {
  readonly file: string
  /** Statements, prepared once each. They throw; use them inside `read` or `write`. */
  readonly all: <Row>(text: string, ...values: ReadonlyArray<Value>) => Array<Row>
  readonly get: <Row>(text: string, ...values: ReadonlyArray<Value>) => Row | undefined
  /** Answers how many rows it changed. */
  readonly run: (text: string, ...values: ReadonlyArray<Value>) => number
  readonly read: <A>(act: () => A) => Either.Either<A, JournalFailed>
  /** One transaction, which has the file to itself from its beginning. Whatever is thrown undoes it whole. */
  readonly write: <A>(act: () => A) => Either.Either<A, JournalFailed>
  /** A hash keyed with the file's salt, for names that are needed before a writer's key is at hand. */
  readonly nameOf: (kind: "destination" | "remote" | "owner", text: string) => Uint8Array
  /** How long a write waits for another process's transaction from now on, in milliseconds; it blocks meanwhile. */
  readonly waitAtMost: (ms: number) => void
  readonly close: () => void
}

/** Milliseconds for which another process's transaction is waited for. */
const BUSY_MS = 5_000
/**
 * Milliseconds for which SQLite tries by itself. It tries ever more rarely, up to ten times a second, and so never meets
 * the gaps of a process that writes without a pause; asking anew each time it gave up does.
 */
const ATTEMPT_MS = 5
/** Two processes that turn a new file into WAL at once are refused without that wait; they try again after so long. */
const AGAIN_MS = 20

export const openStore = async (file: string): Promise<Either.Either<Store, JournalFailed>> => {
  const deadline = Date.now() + BUSY_MS
  while (true) {
    const opened = openOnce(file)
    if (Either.isRight(opened) || opened.left.reason !== "locked" || Date.now() > deadline) return opened
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
  }
}

const openOnce = (file: string): Either.Either<Store, JournalFailed> => {
  try {
    makeFile(file)
    return storeOf(file, openDatabase(file))
  } catch (error) {
    return Either.left(failureOf(file, error))
  }
}

/** SQLite gives the files beside it (-wal, -shm) the mode of the file. */
const makeFile = (file: string) => {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  closeSync(openSync(file, "a", 0o600))
  if ((statSync(file).mode & 0o077) !== 0) chmodSync(file, 0o600)
}

const storeOf = (file: string, database: Database): Either.Either<Store, JournalFailed> => {
  const statements = new Map<string, Statement>()
  let patience = BUSY_MS
  let closed = false

  const prepared = (text: string) => {
    const known = statements.get(text)
    if (known !== undefined) return known
    const made = database.prepare(text)
    statements.set(text, made)
    return made
  }
  const guarded = <A>(act: () => A): Either.Either<A, JournalFailed> => {
    if (closed) return Either.left(new JournalFailed({ reason: "other", what: `The journal ${file} is closed.` }))
    try {
      return Either.right(act())
    } catch (error) {
      return Either.left(failureOf(file, error))
    }
  }
  /** `act` changes nothing when it is refused. */
  const unlocked = <A>(act: () => A): A => {
    const deadline = performance.now() + patience
    while (true) {
      try {
        return act()
      } catch (error) {
        if (troubleOf(error) !== "locked" || performance.now() > deadline) throw error
      }
    }
  }
  const store: Omit<Store, "nameOf"> = {
    file,
    all: <Row>(text: string, ...values: ReadonlyArray<Value>) => prepared(text).all(...values) as Array<Row>,
    get: <Row>(text: string, ...values: ReadonlyArray<Value>) => prepared(text).get(...values) as Row | undefined,
    run: (text, ...values) => prepared(text).run(...values),
    read: (act) => guarded(() => unlocked(act)),
    write: (act) =>
      guarded(() => {
        unlocked(() => prepared("BEGIN IMMEDIATE").run())
        try {
          const answer = act()
          prepared("COMMIT").run()
          return answer
        } catch (error) {
          undo(database)
          throw error
        }
      }),
    waitAtMost: (ms) => {
      patience = ms
    },
    close: () => {
      if (closed) return
      closed = true
      // The last one to close folds the -wal into the file and removes it.
      database.close()
    }
  }

  const laidOut = Either.flatMap(
    guarded(() => {
      database.exec(`PRAGMA busy_timeout = ${ATTEMPT_MS}`)
      database.exec("PRAGMA journal_mode = WAL")
      // An entry that a hub has must not vanish from here at a power cut: its n would be given twice.
      database.exec("PRAGMA synchronous = FULL")
    }),
    () => store.write(() => prepare(store, database))
  )
  if (Either.isLeft(laidOut)) store.close()
  return Either.map(laidOut, (salt) => ({ ...store, nameOf: (kind, text) => lookup(salt, `${kind} ${text}`) }))
}

/** SQLite undoes by itself after some failures; then there is nothing left to undo. */
const undo = (database: Database) => {
  try {
    if (database.inTransaction()) database.exec("ROLLBACK")
  } catch {
    // What failed first is what the caller hears of.
  }
}

/** Lays a new file out, refuses a file that is not ours to write, and answers the salt. */
const prepare = (store: Omit<Store, "nameOf">, database: Database): Uint8Array => {
  const application = pragma(database, "application_id")
  const format = pragma(database, "user_version")
  const isNew = store.get("SELECT 1 FROM sqlite_schema") === undefined
  if (!isNew && application !== APPLICATION) {
    const what = `${store.file} is another program's SQLite file, no journal. Name another file.`
    throw new JournalFailed({ reason: "other", what })
  }
  if (format > FORMAT) {
    const what = `A newer agent-sync wrote the journal ${store.file}. Upgrade this one to go on with it.`
    throw new JournalFailed({ reason: "newer", what })
  }
  if (format < FORMAT) {
    for (const step of STEPS.slice(format)) database.exec(step)
    database.exec(`PRAGMA application_id = ${APPLICATION}`)
    database.exec(`PRAGMA user_version = ${FORMAT}`)
  }
  const known = store.get<Place & { salt: Uint8Array }>("SELECT * FROM place")
  const salt = known?.salt ?? crypto.getRandomValues(new Uint8Array(16))
  const found = placeOf(store.file)
  const here: Place = { ...found, machine: bytesToHex(lookup(salt, `machine ${found.machine}`)) }
  if (known !== undefined && !isSamePlace(known, here)) {
    store.run("UPDATE writer SET ended = 'copied' WHERE ended IS NULL")
  }
  if (known === undefined || JSON.stringify(here) !== JSON.stringify(pick(known))) {
    store.run(
      "INSERT OR REPLACE INTO place (id, salt, machine, inode, device, born) VALUES (1, ?, ?, ?, ?, ?)",
      salt,
      here.machine,
      here.inode,
      here.device,
      here.born
    )
  }
  return salt
}

const pick = ({ born, device, inode, machine }: Place): Place => ({ machine, inode, device, born })

const pragma = (database: Database, name: string): number => {
  const row = database.prepare(`PRAGMA ${name}`).get()
  const value: unknown = typeof row === "object" && row !== null ? Reflect.get(row, name) : undefined
  return typeof value === "number" ? value : 0
}
