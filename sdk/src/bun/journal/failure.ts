/** What went wrong with the file, as a sentence that says what to do. The codes are SQLite's result codes and errno. */
import { JournalFailed } from "../../journal/Journal.ts"

/** A `JournalFailed` passes through, so that code inside a transaction may throw one. */
export const failureOf = (file: string, error: unknown): JournalFailed => {
  if (error instanceof JournalFailed) return error
  const reason = reasonOf(codeOf(error))
  return new JournalFailed({ reason, what: sentences[reason](file, error), cause: error })
}

const codeOf = (error: unknown): string =>
  typeof error === "object" && error !== null && "code" in error && typeof error.code === "string" ? error.code : ""

type Reason = Exclude<JournalFailed["reason"], "newer">

const reasonOf = (code: string): Reason => {
  if (code === "ENOSPC" || code === "EDQUOT" || code === "SQLITE_FULL") return "full"
  if (/^(EACCES|EPERM|EROFS|SQLITE_READONLY|SQLITE_PERM|SQLITE_AUTH|SQLITE_CANTOPEN)/.test(code)) return "read-only"
  if (/^(SQLITE_BUSY|SQLITE_LOCKED)/.test(code)) return "locked"
  if (/^(SQLITE_CORRUPT|SQLITE_NOTADB)/.test(code)) return "damaged"
  return "other"
}

const sentences: Record<Reason, (file: string, error: unknown) => string> = {
  full: (file) => `The disk is full, so the journal ${file} cannot grow. Free some space; what it holds is safe.`,
  "read-only": (file) =>
    `The journal ${file} cannot be written. Give this user the right to write the file and its folder, or name another folder with AGENT_SYNC_HOME.`,
  locked: (file) =>
    `Another program holds the journal ${file} and did not let go of it. Look for a backup or a database tool that has it open.`,
  damaged: (file) =>
    `The journal ${file} is damaged. Move it away, with the files beside it; the next run begins a new one, and what was synced is at the hub.`,
  other: (file, error) => `The journal ${file} failed: ${error instanceof Error ? error.message : String(error)}.`
}
