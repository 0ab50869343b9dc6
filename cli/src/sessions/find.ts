/** Finds the files that agents keep their sessions in: in folders of agents' own, or below what a person names. */
import { readdirSync, readFileSync, statSync } from "node:fs"
import { homedir } from "node:os"
import { basename, dirname, join, relative, resolve } from "node:path"
import { type AgentHome, agentHomes, type Beside } from "agent-sync/agents"
import { type Env, variable } from "#folders"
import { copiesIn } from "./forks.ts"
import { isDatabase, isStored, storedAt, storedIn } from "./stored.ts"

export interface FoundFile {
  readonly path: string
  readonly size: number
  /** Milliseconds since 1970. */
  readonly changed: number
  /** Tells a file from another one that took its name. */
  readonly inode: number
  /** A subagent's session, of a store that tells. */
  readonly isPart?: boolean
}

export const homesOf = (env: Env): ReadonlyArray<AgentHome> => agentHomes(env, variable(env, "HOME") ?? homedir())

/** Every session file in the agents' homes. */
export const filesInHomes = (homes: ReadonlyArray<AgentHome>): ReadonlyArray<FoundFile> =>
  homes.flatMap((home) => filesIn(home))

/** Those of one home. A store that cannot be read has none; `onTrouble` hears a sentence about it. */
export const filesIn = (home: AgentHome, onTrouble: (what: string) => void = () => {}): ReadonlyArray<FoundFile> => {
  if (home.isStore !== true) return filesBelow(home.folder, home.isSession)
  return namesIn(home.folder)
    .filter(home.isSession)
    .flatMap((name) => {
      const file = join(home.folder, name)
      try {
        return storedIn(file)
      } catch (error) {
        onTrouble(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}.`)
        return []
      }
    })
}

const namesIn = (folder: string): ReadonlyArray<string> => {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/** A file as it is named, or every file below a folder that could be a session; undefined where there is nothing. */
export const filesAt = (path: string): ReadonlyArray<FoundFile> | undefined => {
  const kind = statSync(path, { throwIfNoEntry: false })
  if (kind === undefined) return undefined
  if (kind.isFile() && isDatabase(path)) return storedIn(resolve(path))
  return kind.isDirectory()
    ? filesBelow(path, (name) => /\.jsonl?$/.test(name) && !name.endsWith(".meta.json"))
    : fileAt(path)
}

export const fileAt = (path: string): ReadonlyArray<FoundFile> => {
  if (isStored(path)) return storedAt(path)
  const kind = statSync(path, { throwIfNoEntry: false })
  return kind?.isFile() === true
    ? [{ path: resolve(path), size: kind.size, changed: Math.floor(kind.mtimeMs), inode: kind.ino }]
    : []
}

/** Those that cannot be looked at are as good as not there. */
export const filesBelow = (folder: string, isWanted: (path: string) => boolean): ReadonlyArray<FoundFile> => {
  let names: ReadonlyArray<string>
  try {
    names = readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) =>
      entry.isFile() ? [relative(folder, join(entry.parentPath, entry.name))] : []
    )
  } catch {
    return []
  }
  return names.filter(isWanted).flatMap((name) => fileAt(join(folder, name)))
}

/** A file that was read whole, as it was then: what the journal is asked before it is read again. */
export const markOf = ({ changed, path, size }: FoundFile) => `file ${path} ${size} ${changed}`

/** A subagent's own file. */
export const isSubagent = (path: string) => /(^|\/)agent-[^/]+\.jsonl$/.test(path)

/** A file's name without folder and ending: for most agents the session's id. */
export const nameOf = (path: string) => basename(path).replace(/\.jsonl?$/, "")

/** What an agent keeps beside a subagent's file (`agent-<id>.meta.json`), and what tells a session's copied records. */
export const besideOf = (path: string): Beside => {
  if (isStored(path)) return {}
  if (!isSubagent(path)) return { copiedFrom: copiesIn(path) }
  try {
    const text = readFileSync(join(dirname(path), `${nameOf(path)}.meta.json`), "utf8")
    const { agentType, description, toolUseId } = JSON.parse(text) as Readonly<Record<string, unknown>>
    return {
      ...(typeof toolUseId === "string" ? { call: toolUseId } : {}),
      ...(typeof agentType === "string" ? { type: agentType } : {}),
      ...(typeof description === "string" ? { description } : {})
    }
  } catch {
    return {}
  }
}
