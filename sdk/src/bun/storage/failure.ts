/** What a failure of `bun:sqlite`, or of the files under it, comes to for a hub's storage: a reason, and a sentence. */
import { StorageFailed } from "../../hub/HubStorage.ts"
import { type Trouble, troubleOf } from "../trouble.ts"

/** `place` begins the sentence: the file, or words that may travel to writers. */
export const failureOf = (error: unknown, place: string): StorageFailed => {
  const trouble = troubleOf(error)
  const what =
    trouble === "other"
      ? `${place} failed: ${error instanceof Error ? error.message : String(error)}.`
      : `${place} ${sentences[trouble]}`
  return new StorageFailed({ reason: trouble === "locked" ? "other" : trouble, what, cause: error })
}

const sentences: Readonly<Record<Exclude<Trouble, "other">, string>> = {
  full: "has no room left on its disk; nothing of this was stored.",
  "read-only": "cannot be written: see who owns it and its folder, and whether the disk is mounted read-only.",
  locked: "is open in another hub; stop that one, or use another folder.",
  damaged: "is damaged: put it back from a backup, or move it away to begin with an empty one."
}
