/** Nobody is called but the hub: the sockets of a run and of a tail, looked at in the kernel's own tables while they work. */
import { expect, test } from "bun:test"
import { readdirSync, readFileSync, readlinkSync } from "node:fs"
import { machine, startHub } from "../support/cli.ts"

/** Far ends of a process's TCP sockets, `127.0.0.1:8787`; anything that is no IPv4 loopback as the kernel writes it. */
const farEnds = (pid: number): ReadonlyArray<string> => {
  const inodes = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return [/^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? ""]
      } catch {
        return []
      }
    })
  )
  return ["tcp", "tcp6", "udp", "udp6"].flatMap((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, "utf8")
      .split("\n")
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((columns) => inodes.has(columns[9] ?? "-"))
      .map(([, , far = ""]) =>
        /^0100007F:/.test(far) ? `127.0.0.1:${Number.parseInt(far.slice(9), 16)}` : `${table} ${far}`
      )
  )
}

test("run and tail open sockets to the hub alone", async () => {
  // Only Linux tells of another process's sockets in files.
  if (process.platform !== "linux") return
  const here = machine()
  await here.run(["init", "--local", "--yes", "--tenant", "acme"])
  const hub = await startHub(here)
  const seen = new Set<string>()
  const look = (pid: number) => {
    try {
      for (const end of farEnds(pid)) seen.add(end)
    } catch {
      // It has ended.
    }
  }
  const run = here.start(["run", "--url", hub.url, "--", "sh", "-c", "echo one; sleep 1; echo two"])
  const tail = here.start(["tail", "--url", hub.url])
  const watching = setInterval(() => {
    look(run.process.pid)
    look(tail.process.pid)
  }, 10)
  await tail.until((stdout) => stdout.includes("Ended"))
  clearInterval(watching)
  expect([...seen]).toEqual([`127.0.0.1:${hub.port}`])
})
