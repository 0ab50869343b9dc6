/**
 * Which records of a Claude Code transcript were copied from another session: a fork (`--fork-session`, 2.1) begins with its
 * parent's records, ids and all, under its own session id, and names the parent nowhere. Both lie in one folder and share their
 * first record, and the parent's file is the older one.
 */
import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from "node:fs"
import { basename, dirname, join } from "node:path"

/** Bytes of a file's beginning in which its first record is looked for. */
const HEAD_BYTES = 256 * 1024

interface Sibling {
  readonly path: string
  /** Milliseconds since 1970. */
  readonly born: number
  /** The id of its first record; undefined where its beginning has none. */
  readonly root: string | undefined
}

/** Each folder's sessions, as they were when it had changed last: milliseconds since 1970. */
const folders = new Map<string, { readonly changed: number; readonly siblings: ReadonlyMap<string, Sibling> }>()

/** Answers the session, by its file's name, that a record of `path` was in first; undefined where that is its own. */
export const copiesIn = (path: string): ((uuid: string) => string | undefined) => {
  let older: ReadonlyArray<{ readonly session: string; readonly uuids: ReadonlySet<string> }> | undefined
  return (uuid) => {
    try {
      older ??= olderOf(path, uuid)
    } catch {
      // A folder that cannot be read tells of no fork.
      older = []
    }
    return older.find(({ uuids }) => uuids.has(uuid))?.session
  }
}

/** Those that begin with the same record, the oldest first. */
const olderOf = (path: string, root: string) => {
  const { birthtimeMs } = statSync(path)
  return [...siblingsOf(dirname(path)).values()]
    .filter((one) => one.path !== path && one.root === root && one.born < birthtimeMs)
    .sort((a, b) => a.born - b.born)
    .map((one) => ({ session: basename(one.path, ".jsonl"), uuids: uuidsIn(readFileSync(one.path, "utf8")) }))
}

const siblingsOf = (folder: string): ReadonlyMap<string, Sibling> => {
  const changed = statSync(folder).mtimeMs
  const known = folders.get(folder)
  if (known?.changed === changed && [...known.siblings.values()].every(({ root }) => root !== undefined))
    return known.siblings
  const siblings = new Map<string, Sibling>()
  for (const name of readdirSync(folder)) {
    if (!name.endsWith(".jsonl") || name.startsWith("agent-")) continue
    const path = join(folder, name)
    const before = known?.siblings.get(path)
    const { birthtimeMs: born } = statSync(path)
    siblings.set(path, before?.root !== undefined && before.born === born ? before : { path, born, root: rootOf(path) })
  }
  folders.set(folder, { changed, siblings })
  return siblings
}

const RECORD = /"uuid":"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"/g

const uuidsIn = (text: string): ReadonlySet<string> => new Set([...text.matchAll(RECORD)].map(([, uuid]) => uuid!))

const rootOf = (path: string) => {
  const file = openSync(path, "r")
  try {
    const buffer = new Uint8Array(HEAD_BYTES)
    const length = readSync(file, buffer, 0, HEAD_BYTES, 0)
    const [first] = new TextDecoder().decode(buffer.subarray(0, length)).matchAll(RECORD)
    return first?.[1]
  } finally {
    closeSync(file)
  }
}
