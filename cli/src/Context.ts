/**
 * What is told of this machine when a session starts: its name and its git repository, each of which the `context` section
 * of `agent-sync.json` can switch off.
 */
import { hostname } from "node:os"
import type { Home } from "agent-sync/bun"
import { repositoryOf } from "./git.ts"

export interface Context {
  readonly git: boolean
  readonly host: boolean
}

export const contextOf = ({ git = true, host = true }: Home.ContextSection = {}): Context => ({ git, host })

/** What is known of a session that runs in a folder, from outside it. */
export const aboutFolder = (folder: string, { git, host }: Context) => ({
  cwd: folder,
  ...(host ? { host: hostname() } : {}),
  ...(git ? repositoryOf(folder) : {})
})
