/** What processes and the machine spend, from /proc (Linux); NaN where that is not there. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs"

/** Milliseconds on a CPU, over all threads, since the process began. */
export const cpuOf = (pid: number): number => {
  try {
    let sum = 0
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      sum += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0])
    }
    return sum / 1e6
  } catch {
    return Number.NaN
  }
}

const memory = (pid: number, line: string): number => {
  try {
    return (
      Number(new RegExp(`^${line}:\\s+(\\d+) kB`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024
    )
  } catch {
    return Number.NaN
  }
}
/** Resident megabytes: now, and at most since `beginPeak`. */
export const residentOf = (pid: number): number => memory(pid, "VmRSS")
export const peakOf = (pid: number): number => memory(pid, "VmHWM")
export const beginPeak = (pid: number): void => {
  try {
    // 5 resets the peak (proc(5)).
    writeFileSync(`/proc/${pid}/clear_refs`, "5")
  } catch {
    // Then the peak is that of the process's whole life.
  }
}

/** The share of all CPU time that was in use between this call and the call of what it answers. */
export const watchBusy = (): (() => number) => {
  const read = () => {
    try {
      const times = readFileSync("/proc/stat", "utf8").split("\n")[0]!.split(/\s+/).slice(1, 9).map(Number)
      const total = times.reduce((sum, one) => sum + one, 0)
      return { total, busy: total - times[3]! - times[4]! }
    } catch {
      return { total: Number.NaN, busy: Number.NaN }
    }
  }
  const before = read()
  return () => {
    const after = read()
    return (after.busy - before.busy) / (after.total - before.total)
  }
}
