/** `#platform` on Bun: its WebSocket, its SQLite, the keys of this machine, child processes. */
import { hostname } from "node:os"
import type { PlatformApi } from "../sync/Platform.ts"
import * as Home from "./home.ts"
import { nativeAead } from "./nativeAead.ts"
import { network } from "./network.ts"
import * as SqliteJournal from "./SqliteJournal.ts"

/** Milliseconds for which a program may stand still because another process writes to the journal. */
const WAIT_MS = 100

export const platform: PlatformApi = {
  name: "bun",
  network,
  aead: nativeAead,
  host: hostname(),
  openJournal: ({ file, key, remotes, tenant }) =>
    SqliteJournal.open({
      file: file ?? Home.journalFile(process.env, tenant),
      keysFolder: Home.keysFolder(process.env, tenant),
      recorder: key.kind === "reader" ? key.recorder : key,
      remotes,
      host: hostname(),
      aead: nativeAead,
      waitMs: WAIT_MS
    }),
  keyText: (tenant, make) => Home.keyText(process.env, tenant, make),
  token: (tenant, roles) => Home.token(process.env, tenant, roles),
  preset: (name) => Home.preset(process.env, process.cwd(), name),
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
}
