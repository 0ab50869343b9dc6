/** What a program has on a machine with files, on Bun and on Node alike: sockets, the journal, the keys of this machine. */
import { hostname } from "node:os"
import type { PlatformApi } from "../sync/Platform.ts"
import * as Home from "./home.ts"
import { nativeAead } from "./nativeAead.ts"
import { network } from "./network.ts"
import * as SqliteJournal from "./SqliteJournal.ts"

/** Milliseconds for which a program may stand still because another process writes to the journal. */
const WAIT_MS = 100

export const machinePlatform = (own: Pick<PlatformApi, "name" | "spawn">): PlatformApi => ({
  ...own,
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
  redaction: () => Home.redaction(process.env, process.cwd())
})
