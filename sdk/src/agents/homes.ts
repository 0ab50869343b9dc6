/**
 * Where agents keep their sessions on a machine, by their own settings. Paths only: who looks into the folders is the
 * platform.
 */
export interface AgentHome {
  /** The adapter's `agent`. */
  readonly agent: string
  readonly folder: string
  /** Whether a file is one of its sessions, by its path below the folder. */
  readonly isSession: (path: string) => boolean
  /** Each such file is a database of many sessions, and what lies below the folder's own folders is none of ours. */
  readonly isStore?: boolean
}

type Env = Readonly<Record<string, string | undefined>>

/** `home` is the person's home folder. An empty variable counts as unset. */
export const agentHomes = (env: Env, home: string): ReadonlyArray<AgentHome> => {
  const claude = (folder: string): AgentHome => ({
    agent: "claude-code",
    folder: `${folder}/projects`,
    isSession: (path) => path.endsWith(".jsonl")
  })
  const codexFolder = env.CODEX_HOME || `${home}/.codex`
  const codex = (folder: string): AgentHome => ({
    agent: "codex",
    folder: `${codexFolder}/${folder}`,
    isSession: (path) => /(^|\/)rollout-[^/]+\.jsonl$/.test(path)
  })
  return [
    ...(env.CLAUDE_CONFIG_DIR
      ? [claude(env.CLAUDE_CONFIG_DIR)]
      : [claude(`${home}/.claude`), claude(`${env.XDG_CONFIG_HOME || `${home}/.config`}/claude`)]),
    codex("sessions"),
    codex("archived_sessions"),
    {
      agent: "gemini",
      folder: `${home}/.gemini/tmp`,
      isSession: (path) => /(^|\/)chats\/session-[^/]+\.jsonl?$/.test(path)
    },
    {
      agent: "opencode",
      folder: `${env.XDG_DATA_HOME || `${home}/.local/share`}/opencode`,
      // One for each channel that it is installed from.
      isSession: (path) => /^opencode[^/]*\.db$/.test(path),
      isStore: true
    }
  ]
}
