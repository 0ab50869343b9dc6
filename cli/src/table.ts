/** Rows under their heads, for people: columns as wide as their widest cell, nothing cut. */
import { width } from "./Terminal.ts"

export const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const all = [head, ...rows]
  const widths = head.map((_, column) => Math.max(...all.map((row) => width(row[column] ?? ""))))
  return `${all
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
