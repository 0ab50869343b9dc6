/** `#platform` on Bun: what every machine with files has, and Bun's child processes. */
import type { PlatformApi } from "../sync/Platform.ts"
import { machinePlatform } from "./machine.ts"

export const platform: PlatformApi = machinePlatform({
  name: "bun",
  spawn: ({ command, cwd, env, input }) => {
    const child = Bun.spawn([...command], {
      stdin: input === undefined ? "ignore" : new TextEncoder().encode(input),
      stdout: "pipe",
      stderr: "inherit",
      ...(cwd === undefined ? {} : { cwd }),
      env: { ...process.env, ...env }
    })
    return {
      stdout: child.stdout,
      exited: child.exited.then(() => ({
        code: child.exitCode ?? undefined,
        signal: child.signalCode === null ? undefined : String(child.signalCode)
      })),
      kill: () => child.kill()
    }
  }
})
