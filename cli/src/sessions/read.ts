/** Reads session files from the disk: their heads, to learn whose they are, and whole, in pieces. */
import { closeSync, openSync, readSync } from "node:fs"
import {
  liveTimers,
  makeBacklog,
  makeSessionFile,
  makeSessionWriter,
  type SessionFile,
  type SessionWriter
} from "agent-sync"
import type { About } from "agent-sync/agents"
import { besideOf, type FoundFile, nameOf } from "./find.ts"
import { eachStored, isStored } from "./stored.ts"

/** Bytes that are read at once; each piece is one write to the journal. */
const PIECE_BYTES = 1024 * 1024
const HEAD_BYTES = 64 * 1024
/** A first line may be larger: a pasted image, a prompt's instructions. */
const HEAD_MOST = 4 * 1024 * 1024

/** Whose a file is. */
export interface Head {
  readonly agent: string
  readonly session: string
  readonly cwd: string | undefined
}

/** Undefined where nobody's session is told in the beginning of a file. */
export const headOf = (file: FoundFile): Head | undefined => {
  let head: Head | undefined
  let cwd: string | undefined
  const nowhere = makeBacklog({ timers: liveTimers, onTrouble: () => {} })
  const reader = makeSessionFile({
    name: nameOf(file.path),
    wall: () => file.changed,
    writerOf: (agent, session) => {
      head = { agent, session, cwd: undefined }
      const wall = () => file.changed
      const learn = (about: About) => {
        cwd ??= about.cwd
      }
      const writer = makeSessionWriter({ journal: undefined, backlog: nowhere, agent, session, about: {}, wall })
      return { ...writer, add: () => {}, learn }
    }
  })
  eachPiece(file.path, 0, HEAD_BYTES, (bytes, at) => {
    reader.push(bytes)
    const isTold = head !== undefined && (cwd !== undefined || at > HEAD_BYTES)
    return !isTold && !reader.isUnknown() && at < HEAD_MOST
  })
  // A small document is told only when it ends.
  if (head === undefined && file.size <= HEAD_MOST) reader.end()
  const found = head as Head | undefined
  return found === undefined ? undefined : { ...found, cwd }
}

/** Reads a file from `from` to its end; answers where that was. */
export const readInto = (path: string, into: SessionFile, from = 0): number =>
  eachPiece(path, from, PIECE_BYTES, (bytes) => {
    into.push(bytes)
    return true
  })

export const openFile = (
  file: FoundFile,
  writerOf: (agent: string, session: string) => SessionWriter,
  wall: () => number
): SessionFile => makeSessionFile({ name: nameOf(file.path), beside: besideOf(file.path), writerOf, wall })

/** `use` gets each piece and where it ends, and says whether to go on. */
const eachPiece = (
  path: string,
  from: number,
  size: number,
  use: (bytes: Uint8Array, at: number) => boolean
): number => {
  if (isStored(path)) return eachStored(path, from, use)
  const file = openSync(path, "r")
  try {
    const buffer = new Uint8Array(size)
    let at = from
    for (;;) {
      const length = readSync(file, buffer, 0, size, at)
      if (length === 0) return at
      at += length
      if (!use(buffer.subarray(0, length), at)) return at
    }
  } finally {
    closeSync(file)
  }
}
