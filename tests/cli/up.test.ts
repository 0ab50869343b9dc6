/** `agent-sync up` as a service: what is written, what is run, and what is said where there is no service manager. */
import { describe, expect, test } from "bun:test"
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { serviceOf } from "../../cli/src/commands/up/service.ts"
import { machine, tempFolder } from "../support/cli.ts"

/** A machine with a service manager that writes down what it is asked. */
const world = (script: string) => {
  const folder = tempFolder()
  const asked = join(folder, "asked")
  writeFileSync(join(folder, "systemctl"), `#!/bin/sh\necho "$@" >> ${asked}\n${script}\n`)
  chmodSync(join(folder, "systemctl"), 0o755)
  const on = machine(tempFolder(), {
    AGENT_SYNC_TENANT: "acme",
    PATH: `${folder}:/usr/bin:/bin`,
    AGENT_SYNC_TOKEN: "secret-t"
  })
  const unit = join(on.home, ".config", "systemd", "user", "agent-sync.service")
  return { on, unit, asked: () => (existsSync(asked) ? readFileSync(asked, "utf8").trim().split("\n") : []) }
}

// What it is on another system is a value, tested below.
describe.if(process.platform === "linux")("agent-sync up --install", () => {
  test("writes a unit without secrets, starts it, tells; twice changes nothing; --remove takes it back", async () => {
    const { asked, on, unit } = world("exit 0")
    const { code, stderr } = await on.run(["up", "--install"])
    expect(code).toBe(0)
    expect(stderr).toContain("AGENT_SYNC_TOKEN is set here and is not written")
    const text = readFileSync(unit, "utf8")
    expect(text).toContain(`"up"\n`)
    expect(text).toContain(`Environment="AGENT_SYNC_HOME=${on.home}"`)
    expect(text).not.toContain("secret-t")
    expect(statSync(unit).mode & 0o777).toBe(0o600)
    expect(asked()).toEqual([
      "--user daemon-reload",
      "--user enable agent-sync.service",
      "--user restart agent-sync.service"
    ])
    expect(JSON.parse((await on.run(["up", "--install", "--json"])).stdout)).toMatchObject({
      wrote: false,
      started: true
    })
    expect(JSON.parse((await on.run(["up", "--status", "--json"])).stdout)).toMatchObject({
      manager: "systemd",
      installed: true,
      active: true,
      drainer: null,
      waiting: 0
    })
    expect((await on.run(["up", "--remove"])).stderr).toContain("what was recorded stays")
    expect(asked().at(-1)).toBe("--user disable --now agent-sync.service")
    expect(existsSync(unit)).toBe(false)
    expect((await on.run(["up", "--status"])).stdout).toContain("not installed")
  })

  test("where there is no manager, or it fails, the file is there, the commands are shown and the exit code says so", async () => {
    const failing = world("echo 'Failed to connect to bus' >&2; exit 1")
    const told = await failing.on.run(["up", "--install"])
    expect(told.code).toBe(1)
    expect(told.stderr).toContain("systemctl --user restart agent-sync.service   (Failed to connect to bus)")
    expect(existsSync(failing.unit)).toBe(true)
    const none = machine(tempFolder(), { AGENT_SYNC_TENANT: "acme", PATH: tempFolder() })
    expect((await none.run(["up", "--install"])).stderr).toContain("there is no systemctl here")
    expect((await none.run(["up", "--status"])).stdout).toContain(
      "installed, does not run (there is no systemctl here)"
    )
  })
})

describe("the service's file", () => {
  test("a unit's words are quoted as systemd reads them", () => {
    const { file, text } = serviceOf({ HOME: "/home/a b", AGENT_SYNC_HOME: '/x/50%$HOME"q\\' }, "linux", [
      "/a b/$bun",
      "m.ts",
      "up"
    ])
    expect(file).toBe("/home/a b/.config/systemd/user/agent-sync.service")
    expect(text).toContain('ExecStart="/a b/$$bun" "m.ts" "up"\n')
    expect(text).toContain('Environment="AGENT_SYNC_HOME=/x/50%%$HOME\\"q\\\\"\n')
  })

  test("a launchd agent holds the same, as XML", () => {
    const { file, start, text } = serviceOf({ HOME: "/Users/a", AGENT_SYNC_URL: "wss://x/?a&b<c" }, "darwin", [
      "/bun",
      "m.ts",
      "up"
    ])
    expect(file).toBe("/Users/a/Library/LaunchAgents/agent-sync.up.plist")
    expect(text).toContain("<string>/bun</string>\n    <string>m.ts</string>\n    <string>up</string>")
    expect(text).toContain("<key>AGENT_SYNC_URL</key><string>wss://x/?a&amp;b&lt;c</string>")
    expect(start.at(-1)?.slice(0, 2)).toEqual(["launchctl", "bootstrap"])
  })
})
