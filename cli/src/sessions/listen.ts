/** Hears from the system what changes in agents' homes, and waits for those that are not there yet. */
import { type FSWatcher, statSync, watch } from "node:fs"
import { dirname, join } from "node:path"
import type { AgentHome } from "agent-sync/agents"

/** Milliseconds after the last change of a database until what was written is looked for. */
const COMMIT_MS = [40, 400]
/** Milliseconds after a folder appeared until all are looked through. */
const NEW_FOLDER_MS = 100

export interface ListenerOptions {
  readonly homes: ReadonlyArray<AgentHome>
  /** A file that may be a session's has changed. */
  readonly onFile: (path: string) => void
  /** Something changed in these homes, and which files is not known. */
  readonly onHomes: (homes: ReadonlyArray<AgentHome>) => void
  /** A sentence for the person. */
  readonly onTrouble: (what: string) => void
}

export interface Listener {
  /** Begins where it has not yet, as after a folder came into being that was not told. */
  readonly listen: () => void
  readonly stop: () => void
}

export const makeListener = ({ homes, onFile, onHomes, onTrouble }: ListenerOptions): Listener => {
  const watchers: Array<FSWatcher> = []
  const listening = new Set<AgentHome>()
  /** Homes that are not there yet, and the folder above in which they are waited for. */
  const waiting = new Map<AgentHome, string>()
  const stores = new Map<AgentHome, ReadonlyArray<ReturnType<typeof setTimeout>>>()
  let soon: ReturnType<typeof setTimeout> | undefined
  let isStopped = false

  /** Where it is not there yet, waits in the nearest folder above that is; nothing is made in an agent's home. */
  const listen = (home: AgentHome) => {
    if (isStopped || listening.has(home)) return
    const folder = nearest(home.folder)
    const isThere = folder === home.folder
    if (waiting.get(home) === folder) return
    try {
      const watcher = watch(folder, { recursive: isThere && home.isStore !== true }, (event, name) => {
        if (!isThere) appeared()
        else if (typeof name !== "string") return
        else if (home.isStore === true) home.isSession(name.replace(/-wal$/, "")) && storeChanged(home)
        else if (home.isSession(name)) onFile(join(folder, name))
        // What is written into a new folder before it is watched is not told.
        else if (event === "rename" && isFolder(join(folder, name))) roundSoon()
      })
      const appeared = () => {
        if (nearest(home.folder) === folder) return
        watcher.close()
        listen(home)
        roundSoon()
      }
      watcher.on("error", (error) => onlyRounds(home, error))
      watchers.push(watcher)
      if (isThere) listening.add(home)
      else {
        waiting.set(home, folder)
        // It may have come while nobody listened.
        appeared()
      }
    } catch (error) {
      onlyRounds(home, error)
    }
  }
  /** What was written can be seen a moment after the file has changed; so it is looked at twice. */
  const storeChanged = (home: AgentHome) => {
    if (isStopped) return
    for (const timer of stores.get(home) ?? []) clearTimeout(timer)
    const looks = COMMIT_MS.map((ms) => setTimeout(() => onHomes([home]), ms))
    stores.set(home, looks)
  }
  const roundSoon = () => {
    if (isStopped) return
    clearTimeout(soon)
    soon = setTimeout(() => onHomes(homes), NEW_FOLDER_MS)
  }
  const onlyRounds = (home: AgentHome, error: unknown) => {
    const why = error instanceof Error ? error.message : String(error)
    onTrouble(`Changes in ${home.folder} are not told by the system (${why}), so they are seen once a minute.`)
  }

  return {
    listen: () => {
      for (const home of homes) listen(home)
    },
    stop: () => {
      isStopped = true
      clearTimeout(soon)
      for (const timer of [...stores.values()].flat()) clearTimeout(timer)
      for (const watcher of watchers) watcher.close()
    }
  }
}

const isFolder = (path: string) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

/** The folder itself, or the nearest above it that is there. */
const nearest = (folder: string): string => (isFolder(folder) ? folder : nearest(dirname(folder)))
