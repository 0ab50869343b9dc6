/**
 * Commands that run another command with less than this machine has: a folder of a few hundred kilobytes, or no right
 * that a file's mode does not give. Each is what Debian's base brings; none changes anything outside the process.
 */
const may = (...command: ReadonlyArray<string>) =>
  Bun.spawnSync([...command], { stdin: "ignore", stdout: "ignore", stderr: "ignore" }).success

/**
 * What stands in `folder` may grow to about `kilobytes`: a file system of its own where the machine allows one (then
 * the disk is full), a limit for each file where it does not (then the write fails).
 */
export const smallDisk = (folder: string, kilobytes: number): ReadonlyArray<string> => {
  const mounted = ["sh", "-c", `mount -t tmpfs -o size=${kilobytes}k none "$0" && exec "$@"`, folder]
  const space = [
    ["unshare", "--mount"],
    ["unshare", "--map-root-user", "--mount"]
  ].find((command) => may(...command, ...mounted, "true"))
  return space === undefined
    ? ["bash", "-c", `trap "" XFSZ; ulimit -f ${kilobytes}; exec "$@"`, "bash"]
    : [...space, ...mounted]
}

/** A superuser who may write only what the mode allows; anyone else may not more as it is. */
export const ordinaryRights = (): ReadonlyArray<string> =>
  process.getuid?.() === 0
    ? ["setpriv", "--inh-caps=-dac_override,-dac_read_search", "--bounding-set=-dac_override,-dac_read_search"]
    : []
