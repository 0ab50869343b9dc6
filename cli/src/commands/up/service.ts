/**
 * `up` as a service of the person's own login: a systemd user unit, or a launchd agent. The file is written here; the
 * service manager's commands are run where it is there, and shown in any case. No secret is written into the file.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { homedir, userInfo } from "node:os"
import { dirname, join } from "node:path"
import { type Env, variable } from "#folders"

export interface Service {
  readonly manager: "systemd" | "launchd"
  readonly file: string
  readonly text: string
  readonly start: ReadonlyArray<ReadonlyArray<string>>
  readonly stop: ReadonlyArray<ReadonlyArray<string>>
  /** Ends with 0 where it runs. */
  readonly check: ReadonlyArray<string>
  /** What a person may want to know of this manager. */
  readonly hint: string | undefined
}

const UNIT = "agent-sync.service"
const LABEL = "agent-sync.up"
/** Settings that the service must have as they are here; keys and tokens are secrets and stay out. */
const KEPT = [
  "AGENT_SYNC_HOME",
  "AGENT_SYNC_ENV",
  "AGENT_SYNC_URL",
  "AGENT_SYNC_TENANT",
  "XDG_CONFIG_HOME",
  "XDG_STATE_HOME",
  "CLAUDE_CONFIG_DIR",
  "CODEX_HOME"
]
const SECRET = ["AGENT_SYNC_KEY", "AGENT_SYNC_TOKEN"]

/** Variables that are set here and that the service will not have. */
export const leftOut = (env: Env): ReadonlyArray<string> => SECRET.filter((name) => variable(env, name) !== undefined)

export const serviceOf = (env: Env, platform: NodeJS.Platform, command: ReadonlyArray<string>): Service => {
  const home = variable(env, "HOME") ?? homedir()
  const kept = KEPT.flatMap((name) => {
    const value = variable(env, name)
    return value === undefined ? [] : [[name, value] as const]
  })
  return platform === "darwin" ? launchd(home, kept, command) : systemd(home, env, kept, command)
}

type Variables = ReadonlyArray<readonly [name: string, value: string]>

const systemd = (home: string, env: Env, kept: Variables, command: ReadonlyArray<string>): Service => ({
  manager: "systemd",
  file: join(variable(env, "XDG_CONFIG_HOME") ?? join(home, ".config"), "systemd", "user", UNIT),
  text: `[Unit]
Description=agent-sync: records what agents on this machine do

[Service]
ExecStart=${command.map((word) => unitWord(word).replaceAll("$", "$$$$")).join(" ")}
${kept.map(([name, value]) => `Environment=${unitWord(`${name}=${value}`)}\n`).join("")}Restart=on-failure
RestartSec=5
Nice=5

[Install]
WantedBy=default.target
`,
  start: [
    ["systemctl", "--user", "daemon-reload"],
    ["systemctl", "--user", "enable", UNIT],
    // Also where an older one runs.
    ["systemctl", "--user", "restart", UNIT]
  ],
  stop: [["systemctl", "--user", "disable", "--now", UNIT]],
  check: ["systemctl", "--user", "is-active", "--quiet", UNIT],
  hint: "It ends when you log out; on a server, loginctl enable-linger keeps it."
})

/** A word of a unit file, where `%` means something; in a command `$` does too. */
const unitWord = (word: string) => `"${word.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("%", "%%")}"`

const launchd = (home: string, kept: Variables, command: ReadonlyArray<string>): Service => {
  const file = join(home, "Library", "LaunchAgents", `${LABEL}.plist`)
  const domain = `gui/${userInfo().uid}`
  const string = (text: string) =>
    `<string>${text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")}</string>`
  return {
    manager: "launchd",
    file,
    text: `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>${string(LABEL)}
  <key>ProgramArguments</key>
  <array>
${command.map((word) => `    ${string(word)}\n`).join("")}  </array>
  <key>EnvironmentVariables</key>
  <dict>
${kept.map(([name, value]) => `    <key>${name}</key>${string(value)}\n`).join("")}  </dict>
  <key>RunAtLoad</key><true/>
  <key>KeepAlive</key>
  <dict>
    <key>SuccessfulExit</key><false/>
  </dict>
  <key>ProcessType</key>${string("Background")}
</dict>
</plist>
`,
    start: [
      ["launchctl", "bootout", `${domain}/${LABEL}`],
      ["launchctl", "bootstrap", domain, file]
    ],
    stop: [["launchctl", "bootout", `${domain}/${LABEL}`]],
    check: ["launchctl", "print", `${domain}/${LABEL}`],
    hint: undefined
  }
}

export const isInstalled = ({ file }: Service) => existsSync(file)

/** False where the file was so already. */
export const writeService = ({ file, text }: Service): boolean => {
  if (existsSync(file) && readFileSync(file, "utf8") === text) return false
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text, { mode: 0o600 })
  return true
}

export const removeService = ({ file }: Service): boolean => {
  const was = existsSync(file)
  rmSync(file, { force: true })
  return was
}

export type Ran = { readonly ok: true } | { readonly ok: false; readonly why: string; readonly missing: boolean }

/** Runs one of the manager's commands. */
export const call = async (command: ReadonlyArray<string>): Promise<Ran> => {
  try {
    const child = Bun.spawn([...command], { stdin: "ignore", stdout: "ignore", stderr: "pipe", timeout: 20_000 })
    const [said, code] = await Promise.all([new Response(child.stderr).text(), child.exited])
    return code === 0
      ? { ok: true }
      : { ok: false, why: said.trim() || `${command[0]} ended with ${code}`, missing: false }
  } catch {
    return { ok: false, why: `there is no ${command[0]} here`, missing: true }
  }
}
