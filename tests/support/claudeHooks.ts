/** Claude Code as hooks see it: each call is the installed command in a shell, with its input on stdin, one after the other. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import type { Machine } from "./cli.ts"

export interface Call {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface ClaudeCode {
  readonly session: string
  /** Calls the hooks of one event, as the settings file says. */
  readonly tell: (event: string, fields?: Readonly<Record<string, unknown>>) => Promise<ReadonlyArray<Call>>
}

/** `settings` is the file that Claude Code would read. */
export const claudeCode = (
  on: Machine,
  options: { readonly settings: string; readonly cwd?: string; readonly env?: Readonly<Record<string, string>> }
): ClaudeCode => {
  const session = crypto.randomUUID()
  const cwd = options.cwd ?? on.home
  return {
    session,
    tell: async (event, fields = {}) => {
      const { hooks } = JSON.parse(readFileSync(options.settings, "utf8")) as {
        hooks: Record<string, ReadonlyArray<{ hooks: ReadonlyArray<{ command: string }> }>>
      }
      const input = JSON.stringify({
        session_id: session,
        transcript_path: join(on.home, ".claude", "projects", "x", `${session}.jsonl`),
        cwd,
        permission_mode: "default",
        hook_event_name: event,
        ...fields
      })
      const called: Array<Call> = []
      for (const { command } of (hooks[event] ?? []).flatMap((group) => group.hooks)) {
        const child = Bun.spawn(["sh", "-c", command], {
          cwd,
          env: { PATH: process.env.PATH ?? "", HOME: on.home, AGENT_SYNC_HOME: on.home, ...options.env },
          stdin: new TextEncoder().encode(input),
          stdout: "pipe",
          stderr: "pipe"
        })
        const [stdout, stderr, code] = await Promise.all([
          new Response(child.stdout).text(),
          new Response(child.stderr).text(),
          child.exited
        ])
        called.push({ code, stdout, stderr })
      }
      return called
    }
  }
}
