/**
 * Which process recorded something, so that a later one can tell whether it lives. A process id is given out again, at the
 * latest after a restart: on Linux the boot and the process's own beginning stand beside it. What another container of
 * the same boot wrote cannot be judged from here, and counts as alive.
 */
import { readFileSync, readlinkSync } from "node:fs"

/** This process: `space pid beginning`. The space is empty, and the beginning too, where the system does not tell them. */
export const thisProcess = (): string => `${space()} ${process.pid} ${beginningOf(process.pid)}`

/** `written` is a `thisProcess()` of this machine. */
export const isGone = (written: string): boolean => {
  const [where = "", id = "", began = ""] = written.split(" ")
  const here = space()
  if (where !== here) return bootOf(where) !== bootOf(here)
  const pid = Number(id)
  return !isThere(pid) || (began !== "" && beginningOf(pid) !== began)
}

const bootOf = (where: string) => where.split("/")[0]

const isThere = (pid: number) => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // Another user's is there too, and may not be asked.
    return error instanceof Error && "code" in error && error.code === "EPERM"
  }
}

/** `boot/namespace of process ids`, see proc(5) and pid_namespaces(7). */
const space = () => {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()
    return `${boot}/${readlinkSync("/proc/self/ns/pid")}`
  } catch {
    return ""
  }
}

/** Clock ticks between the boot and the process's beginning: field 22 of proc_pid_stat(5), the 20th behind the name. */
const beginningOf = (pid: number) => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? ""
  } catch {
    return ""
  }
}
