/** What went wrong with a SQLite file, or with the files under it, by name. What is said of it is its owner's. */

export type Trouble = "full" | "read-only" | "locked" | "damaged" | "other"

export const troubleOf = (error: unknown): Trouble => {
  const code = codeOf(error)
  return troubles.find(([codes]) => codes.test(code))?.[1] ?? "other"
}

const codeOf = (error: unknown): string => {
  if (typeof error !== "object" || error === null) return ""
  // Node has one code for all of SQLite's and tells which by its number, whose low byte is the primary one.
  const number: unknown = Reflect.get(error, "errcode")
  const named = typeof number === "number" ? NUMBERS[number & 0xff] : undefined
  const code: unknown = named ?? Reflect.get(error, "code")
  return typeof code === "string" ? code : ""
}

/** Source: sqlite.org/rescode.html. */
const NUMBERS: Readonly<Record<number, string>> = {
  3: "SQLITE_PERM",
  5: "SQLITE_BUSY",
  6: "SQLITE_LOCKED",
  8: "SQLITE_READONLY",
  11: "SQLITE_CORRUPT",
  13: "SQLITE_FULL",
  14: "SQLITE_CANTOPEN",
  23: "SQLITE_AUTH",
  26: "SQLITE_NOTADB"
}

/** SQLite's result codes, extended ones included (`SQLITE_READONLY_DIRECTORY`), and the system's. */
const troubles: ReadonlyArray<readonly [RegExp, Trouble]> = [
  [/^(SQLITE_FULL|ENOSPC$|EDQUOT$)/, "full"],
  // CANTOPEN: SQLite may not open the file, or not make the write-ahead log beside it.
  [/^(SQLITE_READONLY|SQLITE_PERM|SQLITE_AUTH|SQLITE_CANTOPEN|EACCES$|EPERM$|EROFS$)/, "read-only"],
  [/^(SQLITE_BUSY|SQLITE_LOCKED)/, "locked"],
  [/^(SQLITE_CORRUPT|SQLITE_NOTADB)/, "damaged"]
]
