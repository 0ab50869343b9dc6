/** What went wrong with a journal's file, as a sentence that says what to do. */
import { JournalFailed } from "../../journal/Journal.ts"
import { type Trouble, troubleOf } from "../trouble.ts"

/** A `JournalFailed` passes through, so that code inside a transaction may throw one. */
export const failureOf = (file: string, error: unknown): JournalFailed => {
  if (error instanceof JournalFailed) return error
  const reason = troubleOf(error)
  return new JournalFailed({ reason, what: sentences[reason](file, error), cause: error })
}

const sentences: Record<Trouble, (file: string, error: unknown) => string> = {
  full: (file) => `The disk is full, so the journal ${file} cannot grow. Free some space; what it holds is safe.`,
  "read-only": (file) =>
    `The journal ${file} cannot be written. Give this user the right to write the file and its folder, or name another folder with AGENT_SYNC_HOME.`,
  locked: (file) =>
    `Another program holds the journal ${file} and did not let go of it. Look for a backup or a database tool that has it open.`,
  damaged: (file) =>
    `The journal ${file} is damaged. Move it away, with the files beside it; the next run begins a new one, and what was synced is at the hub.`,
  other: (file, error) => `The journal ${file} failed: ${error instanceof Error ? error.message : String(error)}.`
}

/** `what` of the journal's file was changed by something else. */
export const damaged = (file: string, what: string) =>
  new JournalFailed({
    reason: "damaged",
    what: `In the journal ${file}, ${what} does not open: the file was changed by something else. What is at the hub is safe; move the file away to begin a new one.`
  })
