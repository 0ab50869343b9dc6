/**
 * Which process did something, so that a later one can tell whether it lives. A process id is given out again, at the
 * latest after a restart: on Linux the boot and the process's own beginning stand beside it. What another container of
 * the same boot wrote cannot be judged from here, and counts as alive. The hook program stands on this too: nothing but
 * Node's own modules.
 */
import { readFileSync, readlinkSync } from "node:fs"

/** This process: `space pid beginning`. The space is empty, and the beginning too, where the system does not tell them. */
export const thisProcess = (): string => {
  const { beginning = "" } = statOf(process.pid) ?? {}
  return `${space()} ${process.pid} ${beginning}`
}

/** `written` is a `thisProcess()` of this machine, perhaps of before it was started again. */
export const isGone = (written: string): boolean => isDead(written) || bootOf(spaceOf(written)) !== bootOf(space())

/** `written` is a `thisProcess()` of any machine: true only of what can be asked about here, and is not there any more. */
export const isDead = (written: string): boolean => {
  const [where, id, began] = written.split(" ")
  const pid = Number(id)
  return where === space() && Number.isSafeInteger(pid) && pid > 0 && !lives(pid, began)
}

const spaceOf = (written: string) => written.split(" ")[0] ?? ""
const bootOf = (where: string) => where.split("/")[0]

/** Of a process of this machine, with its beginning, where that is known. */
export const lives = (pid: number, began = ""): boolean => {
  if (!isThere(pid)) return false
  const now = statOf(pid)
  return now === undefined || (now.state !== ZOMBIE && (began === "" || now.beginning === began))
}

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

/** It has ended, and who started it has not asked how. */
const ZOMBIE = "Z"

/**
 * Fields 3 and 22 of proc_pid_stat(5), the first and the 20th behind the name: the state, and the clock ticks between the boot
 * and the process's beginning. Undefined where the system does not tell.
 */
const statOf = (pid: number): { readonly state: string; readonly beginning: string } | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    return { state: fields[0] ?? "", beginning: fields[19] ?? "" }
  } catch {
    return undefined
  }
}
