/** What changed in a file, as unified diff hunks with their counts. */

export interface Patch {
  readonly added: number
  readonly removed: number
  readonly patch: string
}

export interface Hunk {
  readonly oldStart: number
  readonly oldLines: number
  readonly newStart: number
  readonly newLines: number
  /** Each with a leading space, `+` or `-`. */
  readonly lines: ReadonlyArray<string>
}

export const patchOf = (hunks: ReadonlyArray<Hunk>): Patch => {
  let added = 0
  let removed = 0
  const out: Array<string> = []
  for (const { lines, newLines, newStart, oldLines, oldStart } of hunks) {
    out.push(`@@ -${oldStart},${oldLines} +${newStart},${newLines} @@`)
    for (const line of lines) {
      if (line.startsWith("+")) added++
      else if (line.startsWith("-")) removed++
      out.push(line)
    }
  }
  return { added, removed, patch: out.join("\n") }
}

/** A new file: all its lines added. */
export const patchOfNew = (content: string): Patch => {
  if (content === "") return { added: 0, removed: 0, patch: "" }
  const ended = content.endsWith("\n")
  const lines = (ended ? content.slice(0, -1) : content).split("\n").map((line) => `+${line}`)
  const hunk = { oldStart: 0, oldLines: 0, newStart: 1, newLines: lines.length, lines }
  return patchOf([ended ? hunk : { ...hunk, lines: [...lines, "\\ No newline at end of file"] }])
}
