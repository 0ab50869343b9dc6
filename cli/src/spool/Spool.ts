/**
 * The spool: what hooks leave behind until somebody records it. One file for each hook call, named by its time, written
 * whole or not at all, 0600, and sealed with a key of this machine that lies in the keys folder, so that the spool alone
 * says nothing. One process at a time drains it, told by a file that it touches. The hook program stands on this, so it
 * uses nothing but Node's own modules, and `node:crypto`, which is slow to load, only where it reads.
 */
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync
} from "node:fs"
import { join } from "node:path"
import type { Folders } from "#folders"
import { lives } from "#process"

/** What a hook leaves. */
export interface SpoolRecord {
  /** Milliseconds since 1970 when the hook was called, with fractions: they order calls of one millisecond. */
  readonly at: number
  /** Settings of the agent's surroundings: `AGENT_SYNC_ENV`, `_URL`, `_TENANT`, where they are set. */
  readonly env: Readonly<Record<string, string>>
  /** The folder the agent was started in, where it tells: its settings count, wherever the session has moved since. */
  readonly folder?: string
  /** What the agent gave to the hook: JSON, as it came. */
  readonly hook: string
}

const VERSION = 1
const IV_BYTES = 12
const TAG_BYTES = 16
const KEY_BYTES = 32
const RECORD = /^\d{16}-.+\.rec$/
const TAKEN = /\.rec\.(\d+)\.taken$/
/** Of whom there is one on a machine: who drains, and who stays for all of it. Their files name the process. */
export type Post = "drainer" | "resident"
const FLUSHER = "flusher"

/** Milliseconds after which a process that has not touched the file of its post counts as dead. */
export const DRAINER_DEAD_MS = 20_000
/** At most one flusher is started in so many milliseconds. */
export const FLUSHER_EVERY_MS = 3_000

/** Makes the spool, where it is not there. */
export const prepare = ({ spool }: Folders): void => {
  mkdirSync(spool, { recursive: true, mode: 0o700 })
}

/** Leaves one record, whole. */
export const put = async (folders: Folders, record: SpoolRecord): Promise<void> => {
  const { keys, spool } = folders
  prepare(folders)
  const key = await crypto.subtle.importKey("raw", spoolKey(keys), "AES-GCM", false, ["encrypt"])
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES))
  const text = new TextEncoder().encode(JSON.stringify(record))
  const sealed = Buffer.from(await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, text))
  // The tag comes last there, and stands before the rest here.
  const bytes = Buffer.concat([Buffer.of(VERSION), iv, sealed.subarray(-TAG_BYTES), sealed.subarray(0, -TAG_BYTES)])
  const microseconds = Math.round(record.at * 1_000)
  const name = `${microseconds.toString().padStart(16, "0")}-${process.pid}`
  const draft = join(spool, `.${name}`)
  writeFileSync(draft, bytes, { mode: 0o600, flag: "wx" })
  renameSync(draft, join(spool, `${name}.rec`))
}

/** Names of the records that wait, oldest first. */
export const waiting = ({ spool }: Folders): ReadonlyArray<string> =>
  listed(spool)
    .filter((name) => RECORD.test(name))
    .sort()

export type Taken =
  | { readonly _tag: "Record"; readonly record: SpoolRecord; readonly done: () => void; readonly putBack: () => void }
  /** Another process has it. */
  | { readonly _tag: "Gone" }
  /** It cannot be opened: the key is another, or the file was changed. It was set aside. */
  | { readonly _tag: "Unreadable"; readonly file: string }

/** Takes one record: nobody else has it from now on, until it is done or put back. Throws where the disk does. */
export const take = ({ keys, spool }: Folders, name: string): Taken => {
  const from = join(spool, name)
  const mine = `${from}.${process.pid}.taken`
  const key = spoolKey(keys)
  try {
    renameSync(from, mine)
  } catch {
    return { _tag: "Gone" }
  }
  const record = opened(readFileSync(mine), key)
  if (record === undefined) {
    const file = `${from}.unreadable`
    renameSync(mine, file)
    return { _tag: "Unreadable", file }
  }
  return {
    _tag: "Record",
    record,
    done: () => rmSync(mine, { force: true }),
    putBack: () => renameSync(mine, from)
  }
}

/** Gives back what processes that are dead had taken. */
export const recover = ({ spool }: Folders): void => {
  for (const name of listed(spool)) {
    const pid = TAKEN.exec(name)?.[1]
    if (pid === undefined || lives(Number(pid))) continue
    renameSync(join(spool, name), join(spool, name.replace(TAKEN, ".rec")))
  }
}

/** Becomes the one that drains; false where another living process is. */
export const becomeDrainer = (folders: Folders): boolean => become(folders, "drainer")

/** Takes a post; false where another living process has it. */
export const become = (folders: Folders, post: Post): boolean => {
  const { spool } = folders
  prepare(folders)
  const file = join(spool, post)
  for (let tries = 0; tries < 3; tries++) {
    const holder = holderOf(spool, post)
    if (holder === process.pid) return true
    if (holder !== undefined) return false
    const draft = `${file}.${process.pid}`
    writeFileSync(draft, String(process.pid), { mode: 0o600 })
    try {
      linkSync(draft, file)
      return true
    } catch {
      // A dead one's file. Whoever renames it first clears the way; the loop looks again who was first.
      const stale = `${file}.${process.pid}.stale`
      if (holderOf(spool, post) === undefined) attempt(() => renameSync(file, stale))
      rmSync(stale, { force: true })
    } finally {
      rmSync(draft, { force: true })
    }
  }
  return false
}

/** Says that the drainer lives; false where another has taken over meanwhile. */
export const stayDrainer = (folders: Folders): boolean => stay(folders, "drainer")

/** The same of a post; its file's time is when it was held last. */
export const stay = ({ spool }: Folders, post: Post): boolean => {
  if (holderOf(spool, post) !== process.pid) return false
  const now = new Date()
  return attempt(() => utimesSync(join(spool, post), now, now))
}

export const leaveDrainer = ({ spool }: Folders): void => {
  if (holderOf(spool, "drainer") === process.pid) rmSync(join(spool, "drainer"), { force: true })
}

/** The process that drains, if one lives. */
export const drainer = ({ spool }: Folders): number | undefined => holderOf(spool, "drainer")

/** The process that stays for all of the machine, if one lives. */
export const resident = ({ spool }: Folders): number | undefined => holderOf(spool, "resident")

/** Milliseconds since 1970 when a resident was there last, dead or alive; undefined where there was none. */
export const residentAt = ({ spool }: Folders): number | undefined => modified(join(spool, "resident"))

/** Whether nobody drains and no flusher was started just now; the answer true counts as having started one. */
export const flusherIsDue = ({ spool }: Folders, now: number): boolean => {
  if (holderOf(spool, "drainer") !== undefined) return false
  const file = join(spool, FLUSHER)
  const last = modified(file)
  if (last !== undefined && Math.abs(now - last) < FLUSHER_EVERY_MS) return false
  writeFileSync(file, "", { mode: 0o600 })
  return true
}

const holderOf = (spool: string, post: Post): number | undefined => {
  const file = join(spool, post)
  const touched = modified(file)
  if (touched === undefined || Date.now() - touched > DRAINER_DEAD_MS) return undefined
  try {
    const pid = Number(readFileSync(file, "utf8"))
    return Number.isSafeInteger(pid) && lives(pid) ? pid : undefined
  } catch {
    return undefined
  }
}

const opened = (bytes: Buffer, key: Buffer): SpoolRecord | undefined => {
  try {
    if (bytes[0] !== VERSION) return undefined
    const { createDecipheriv } = process.getBuiltinModule("node:crypto")
    const cipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(1, 1 + IV_BYTES))
    cipher.setAuthTag(bytes.subarray(1 + IV_BYTES, 1 + IV_BYTES + TAG_BYTES))
    const text = Buffer.concat([cipher.update(bytes.subarray(1 + IV_BYTES + TAG_BYTES)), cipher.final()])
    return JSON.parse(text.toString("utf8")) as SpoolRecord
  } catch {
    return undefined
  }
}

/** Made once for this machine; no tenant's folder can have this name. */
const spoolKey = (keys: string): Buffer<ArrayBuffer> => {
  const file = join(keys, ".spool-key")
  const known = keyIn(file)
  if (known !== undefined) return known
  mkdirSync(keys, { recursive: true, mode: 0o700 })
  const draft = `${file}.${process.pid}`
  writeFileSync(draft, crypto.getRandomValues(new Uint8Array(KEY_BYTES)), { mode: 0o600 })
  chmodSync(draft, 0o600)
  // Another process may have been first. What is no key, as a disk that lost its power leaves it, opens nothing and makes way.
  if (!attempt(() => linkSync(draft, file)) && keyIn(file) === undefined) renameSync(draft, file)
  rmSync(draft, { force: true })
  const made = keyIn(file)
  if (made === undefined) throw new Error(`${file} holds no key`)
  return made
}
/** Undefined where there is none, or what is there is none. */
const keyIn = (file: string): Buffer<ArrayBuffer> | undefined => {
  if (!existsSync(file)) return undefined
  const key = readFileSync(file)
  return key.byteLength === KEY_BYTES ? key : undefined
}

const listed = (folder: string): ReadonlyArray<string> => {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
const modified = (file: string) => statSync(file, { throwIfNoEntry: false })?.mtimeMs
const attempt = (act: () => void) => {
  try {
    act()
    return true
  } catch {
    return false
  }
}
