/**
 * Rows under their heads, for people: columns as wide as their widest cell, nothing cut. Of a terminal the last column takes
 * what is left, in several lines where it must.
 */
import { width } from "./Terminal.ts"

/** Cells that a last column needs to be worth it. */
const LEAST = 16

export const table = (
  head: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<string>>,
  columns: number | undefined = process.stdout.columns
): string => {
  const all = [head, ...rows]
  const widths = head.map((_, column) => Math.max(...all.map((row) => width(row[column] ?? ""))))
  const before = widths.slice(0, -1).reduce((sum, each) => sum + each + 2, 0)
  const room = (columns ?? 0) - before
  const lines = all.flatMap((row) => {
    const [first = "", ...more] = room < LEAST ? [row.at(-1) ?? ""] : Bun.wrapAnsi(row.at(-1) ?? "", room).split("\n")
    return [[...row.slice(0, -1), first], ...more.map((text) => [...head.slice(1).map(() => ""), text])]
  })
  return `${lines
    .map((row) =>
      row
        .map((cell, column) => cell + " ".repeat(Math.max(0, (widths[column] ?? 0) - width(cell))))
        .join("  ")
        .trimEnd()
    )
    .join("\n")}\n`
}

/** `in 2 days`, `3 hours ago`. */
export const relative = (time: number, now: number): string => {
  const ms = Math.abs(time - now)
  const [count, unit] =
    ms < 90_000
      ? [Math.round(ms / 1000), "second"]
      : ms < 5_400_000
        ? [Math.round(ms / 60_000), "minute"]
        : ms < 129_600_000
          ? [Math.round(ms / 3_600_000), "hour"]
          : [Math.round(ms / 86_400_000), "day"]
  const text = `${count} ${unit}${count === 1 ? "" : "s"}`
  return time >= now ? `in ${text}` : `${text} ago`
}
