/** The arguments of this process's descendants, by what the kernel shows everyone on the machine. Linux only. */
import { readdirSync, readFileSync } from "node:fs"

/** A NUL behind each argument. */
export const argumentsBelow = (): ReadonlyArray<string> => {
  const parents = new Map<number, number>()
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8")
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]))
    } catch {
      // It ended meanwhile.
    }
  }
  const isBelow = (id: number | undefined): boolean =>
    id !== undefined && (parents.get(id) === process.pid || isBelow(parents.get(id)))
  return [...parents.keys()].filter(isBelow).flatMap((id) => {
    try {
      return [readFileSync(`/proc/${id}/cmdline`, "latin1")]
    } catch {
      return []
    }
  })
}

const EVERY_MS = 20

/** All that were seen while something was done, with what came of it. */
export const argumentsDuring = async <A>(act: () => Promise<A>) => {
  const seen = new Set<string>()
  const look = () => {
    if (process.platform === "linux") for (const text of argumentsBelow()) seen.add(text)
  }
  const timer = setInterval(look, EVERY_MS)
  try {
    const done = await act()
    look()
    return { done, seen: [...seen] }
  } finally {
    clearInterval(timer)
  }
}
