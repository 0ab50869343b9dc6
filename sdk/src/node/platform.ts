/** `#platform` on Node 22.16 and later: what Bun has, on Node's own SQLite and child processes. */
import { spawn } from "node:child_process"
import { machinePlatform } from "../bun/machine.ts"
import type { PlatformApi } from "../sync/Platform.ts"

export const platform: PlatformApi = machinePlatform({
  name: "node",
  spawn: ({ command: [program = "", ...args], cwd, env, input }) => {
    const child = spawn(program, args, {
      stdio: [input === undefined ? "ignore" : "pipe", "pipe", "inherit"],
      ...(cwd === undefined ? {} : { cwd }),
      env: { ...process.env, ...env }
    })
    // A child that ends without reading what it was given is no failure of ours.
    child.stdin?.on("error", () => {})
    child.stdin?.end(input)
    return {
      stdout: child.stdout ?? emptyStream(),
      exited: new Promise((resolve) => {
        child.on("error", () => resolve({ code: 127, signal: undefined }))
        child.on("close", (code, signal) => resolve({ code: code ?? undefined, signal: signal ?? undefined }))
      }),
      kill: () => void child.kill()
    }
  }
})

const emptyStream = async function* (): AsyncIterable<Uint8Array> {}
