/** What went wrong with a SQLite file, or with the files under it, by name. What is said of it is its owner's. */

export type Trouble = "full" | "read-only" | "locked" | "damaged" | "other"

export const troubleOf = (error: unknown): Trouble => {
  const code =
    typeof error === "object" && error !== null && "code" in error && typeof error.code === "string" ? error.code : ""
  return troubles.find(([codes]) => codes.test(code))?.[1] ?? "other"
}

/** SQLite's result codes, extended ones included (`SQLITE_READONLY_DIRECTORY`), and the system's. */
const troubles: ReadonlyArray<readonly [RegExp, Trouble]> = [
  [/^(SQLITE_FULL|ENOSPC$|EDQUOT$)/, "full"],
  // CANTOPEN: SQLite may not open the file, or not make the write-ahead log beside it.
  [/^(SQLITE_READONLY|SQLITE_PERM|SQLITE_AUTH|SQLITE_CANTOPEN|EACCES$|EPERM$|EROFS$)/, "read-only"],
  [/^(SQLITE_BUSY|SQLITE_LOCKED)/, "locked"],
  [/^(SQLITE_CORRUPT|SQLITE_NOTADB)/, "damaged"]
]
