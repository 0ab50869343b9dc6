/** Where this machine keeps keys, journals and the embedded hub's data: the same for programs and the command line. */
import { homedir } from "node:os"
import { join } from "node:path"

/** A process's environment. */
export type Env = Readonly<Record<string, string | undefined>>

/** Where this machine keeps things; none of them need be there. */
export interface Folders {
  /** `config.json`, and a folder for each tenant's keys under `keys`. */
  readonly config: string
  readonly keys: string
  /** One journal file per tenant. */
  readonly journals: string
  /** What hooks have left to be recorded. */
  readonly spool: string
  /** SQLite files of `agent-sync dev`. */
  readonly hub: string
}

/** An empty variable counts as unset. */
export const variable = (env: Env, name: string) => {
  const value = env[name]
  return value === undefined || value === "" ? undefined : value
}

/** `AGENT_SYNC_HOME` over `XDG_CONFIG_HOME` and `XDG_STATE_HOME` over the home folder. */
export const foldersOf = (env: Env): Folders => {
  const own = variable(env, "AGENT_SYNC_HOME")
  if (own !== undefined) {
    return {
      config: own,
      keys: join(own, "keys"),
      journals: join(own, "journals"),
      spool: join(own, "spool"),
      hub: join(own, "hub")
    }
  }
  const home = variable(env, "HOME") ?? homedir()
  const config = join(variable(env, "XDG_CONFIG_HOME") ?? join(home, ".config"), "agent-sync")
  const state = join(variable(env, "XDG_STATE_HOME") ?? join(home, ".local", "state"), "agent-sync")
  return { config, keys: config, journals: state, spool: join(state, "spool"), hub: join(state, "hub") }
}

/**
 * A tenant as the name of a file: itself, with a mark before each capital, which no tenant has. Many disks do not tell `Acme` from
 * `acme`, and two tenants must never share a key or a journal.
 */
export const nameOf = (tenant: string) => tenant.replace(/[A-Z]/g, (letter) => `+${letter.toLowerCase()}`)

/** Of one tenant. */
export const keysFolder = ({ keys }: Pick<Folders, "keys">, tenant: string) => join(keys, nameOf(tenant))
/** A tenant's journal, or its entries at the embedded hub, in such a folder. */
export const tenantFile = (folder: string, tenant: string) => join(folder, `${nameOf(tenant)}.sqlite`)
