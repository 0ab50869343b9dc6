/**
 * Where writers' secrets lie: `<keys folder>/writers/<hex of the id>`, one line, 0600, never in the journal. A file
 * is whole on the disk before the journal names its writer.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from "node:fs"
import { join } from "node:path"
import { bytesToHex } from "@noble/hashes/utils.js"
import * as Either from "effect/Either"
import { parseWriter, printWriter, type WriterIdentity } from "../../crypto/WriterKey.ts"
import { JournalFailed } from "../../journal/Journal.ts"

export interface WriterFiles {
  readonly save: (identity: WriterIdentity) => Either.Either<void, JournalFailed>
  /** Undefined where the file is gone. */
  readonly load: (id: Uint8Array) => Either.Either<WriterIdentity | undefined, JournalFailed>
  /** Best effort, for a writer that no journal came to name. */
  readonly remove: (id: Uint8Array) => void
}

export const writerFiles = (keysFolder: string): WriterFiles => {
  const folder = join(keysFolder, "writers")
  const fileOf = (id: Uint8Array) => join(folder, bytesToHex(id))
  return {
    save: (identity) => {
      try {
        mkdirSync(folder, { recursive: true, mode: 0o700 })
        const file = openSync(fileOf(identity.id), "wx", 0o600)
        try {
          writeSync(file, printWriter(identity))
          fsyncSync(file)
        } finally {
          closeSync(file)
        }
        settleFolder(folder)
        return Either.right(undefined)
      } catch (error) {
        return failed(codeOf(error), `The journal's key cannot be kept in ${folder}: ${textOf(error)}.`, error)
      }
    },
    load: (id) => {
      const file = fileOf(id)
      let text: string
      try {
        text = readFileSync(file, "utf8")
      } catch (error) {
        const code = codeOf(error)
        if (code === "ENOENT" || code === "ENOTDIR") return Either.right(undefined)
        return failed("", `The journal's key ${file} cannot be read: ${textOf(error)}.`, error)
      }
      const identity = parseWriter(text)
      if (Either.isLeft(identity)) return failed("", `${file}: ${identity.left.message}`, identity.left)
      return bytesToHex(identity.right.id) === bytesToHex(id)
        ? Either.right(identity.right)
        : failed("", `${file} holds the key of another writer. Put the right one back, or remove it.`)
    },
    remove: (id) => {
      try {
        rmSync(fileOf(id), { force: true })
      } catch {
        // It names nothing and opens nothing.
      }
    }
  }
}

/** A new name in a folder lasts through a power cut only once the folder is synced (fsync(2)). */
const settleFolder = (folder: string) => {
  const opened = openSync(folder, "r")
  try {
    fsyncSync(opened)
  } finally {
    closeSync(opened)
  }
}

const failed = (code: string, what: string, cause?: unknown) =>
  Either.left(
    new JournalFailed({
      reason: code === "ENOSPC" ? "full" : code === "EACCES" || code === "EROFS" ? "read-only" : "other",
      what,
      cause
    })
  )

const codeOf = (error: unknown) =>
  typeof error === "object" && error !== null && "code" in error ? String(error.code) : ""
const textOf = (error: unknown) => (error instanceof Error ? error.message : String(error))
