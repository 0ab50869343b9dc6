/**
 * Tells a journal that was moved from one that was copied: a copy that went on numbering would give an `n` twice.
 * The machine, the inode and the birth time name a file; a device number stands in where a file system keeps no birth
 * time, because it may change with a restart. Not told apart, because nothing on the machine knows: a whole
 * machine put back to a snapshot. Readers see that as a forked chain.
 */
import { readFileSync, statSync } from "node:fs"
import { hostname } from "node:os"

export interface Place {
  readonly machine: string
  readonly inode: string
  readonly device: string
  /** Nanoseconds since 1970; empty where the file system does not say. */
  readonly born: string
}

export const placeOf = (file: string): Place => {
  const { birthtimeNs, dev, ino } = statSync(file, { bigint: true })
  return {
    machine: machine(),
    inode: ino.toString(),
    device: dev.toString(),
    // 0 without a birth time from statx(2); seen on procfs under Bun 1.4.5.
    born: birthtimeNs > 0n ? birthtimeNs.toString() : ""
  }
}

export const isSamePlace = (a: Place, b: Place): boolean =>
  a.machine === b.machine &&
  a.inode === b.inode &&
  (a.born !== "" && b.born !== "" ? a.born === b.born : a.device === b.device)

/**
 * systemd's machine-id(5). Containers often have none, and there the host name tells copies of one image apart. On macOS
 * the host name follows the network, so inode and birth time have to do.
 */
const machine = () => {
  for (const file of ["/etc/machine-id", "/var/lib/dbus/machine-id"]) {
    try {
      const id = readFileSync(file, "utf8").trim()
      if (id !== "") return id
    } catch {
      // Not there, or not for us: the next one.
    }
  }
  return process.platform === "darwin" ? "" : hostname()
}
