/**
 * Tells listeners of appends: of this process's own at once, of other processes' soon after the -wal file changes. Where
 * the system does not tell that, SQLite's data_version is asked once a second; with no listener nothing runs. Another
 * process's mark in the outbox wakes listeners too.
 */
import { type FSWatcher, watch } from "node:fs"
import { basename, dirname } from "node:path"
import * as Either from "effect/Either"
import type { Store } from "./Store.ts"

export interface Wake {
  readonly onAppend: (listener: () => void) => () => void
  /** This process appended. */
  readonly tell: () => void
  readonly close: () => void
}

const ASK_MS = 1_000
/**
 * The -wal file changes before its commit can be seen: the writer still has to sync it, and what is then shared is no
 * file change. So each change is asked after again, in steps that double between these. Without that, another process's
 * last commit was heard of by the slow question only (seen on Linux, ext4).
 */
const FIRST_AGAIN_MS = 1
const LAST_AGAIN_MS = 128

export const makeWake = (store: Store): Wake => {
  const listeners = new Set<() => void>()
  const wal = `${basename(store.file)}-wal`
  let version: number | undefined
  let timer: ReturnType<typeof setInterval> | undefined
  let again: ReturnType<typeof setTimeout> | undefined
  let watcher: FSWatcher | undefined

  const tell = () => {
    for (const listener of [...listeners]) listener()
  }
  /** It rises with every commit of another connection, and not with our own (SQLite, "PRAGMA data_version"). */
  const versionNow = () =>
    Either.getOrUndefined(store.read(() => store.get<{ data_version: number }>("PRAGMA data_version")?.data_version))
  const ask = () => {
    const now = versionNow()
    if (now === version) return
    version = now
    tell()
  }

  const askFrom = (ms: number) => {
    ask()
    clearTimeout(again)
    if (ms > LAST_AGAIN_MS || listeners.size === 0) return
    again = setTimeout(() => askFrom(ms * 2), ms)
    again.unref()
  }

  const begin = () => {
    version = versionNow()
    timer = setInterval(ask, ASK_MS)
    timer.unref()
    try {
      watcher = watch(dirname(store.file), { persistent: false }, (_, name) => {
        if (name === wal) askFrom(FIRST_AGAIN_MS)
      })
      // Such as a folder that went away: the timer goes on.
      watcher.on("error", unwatch)
    } catch {
      // Such as no inotify watch left: the timer has to do.
    }
  }
  const unwatch = () => {
    watcher?.close()
    watcher = undefined
  }
  const end = () => {
    clearInterval(timer)
    clearTimeout(again)
    unwatch()
  }

  return {
    onAppend: (listener) => {
      // A wrapper of its own, so that one listener can be given twice.
      const each = () => listener()
      if (listeners.size === 0) begin()
      listeners.add(each)
      return () => {
        if (listeners.delete(each) && listeners.size === 0) end()
      }
    },
    tell,
    close: () => {
      if (listeners.size > 0) end()
      listeners.clear()
    }
  }
}
