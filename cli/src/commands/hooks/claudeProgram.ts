/**
 * Which hook events the Claude Code of this machine knows. It skips a whole settings file that names an event it does not
 * know, so beyond those that every version has, only what is found in the program itself is installed.
 */
import { closeSync, existsSync, openSync, readSync, realpathSync } from "node:fs"
import { homedir } from "node:os"
import { delimiter, dirname, join } from "node:path"
import { type Env, variable } from "#folders"

/** Of every version since hooks exist (1.0.38), but for SessionStart and SessionEnd, which are of 1.0.62 and 1.0.85. */
export const BASE = [
  "SessionStart",
  "UserPromptSubmit",
  "PreToolUse",
  "PostToolUse",
  "Notification",
  "Stop",
  "SessionEnd"
] as const
/** What newer versions tell beside them. */
const NEWER = ["PermissionRequest", "PermissionDenied", "PostToolUseFailure", "SubagentStart", "StopFailure"] as const

export interface Known {
  readonly events: ReadonlyArray<string>
  /** Where Claude Code was found; undefined where it was not, or its file says nothing. */
  readonly program: string | undefined
}

export const eventsHere = (env: Env): Known => {
  for (const program of programs(env)) {
    const found = namesIn(program, [...BASE, ...NEWER])
    // A wrapper around the program names none of them.
    if (found.has("PreToolUse") && found.has("UserPromptSubmit")) {
      return { events: [...BASE, ...NEWER].filter((name) => isBase(name) || found.has(name)), program }
    }
  }
  return { events: BASE, program: undefined }
}

const isBase = (name: string) => (BASE as ReadonlyArray<string>).includes(name)

/** As a shell would find it, where it installs itself, and what lies beside a wrapper. */
const programs = function* (env: Env): Iterable<string> {
  const home = variable(env, "HOME") ?? homedir()
  const folders = (variable(env, "PATH") ?? "").split(delimiter)
  for (const folder of [...folders, join(home, ".claude", "local"), join(home, ".local", "bin")]) {
    const file = join(folder, "claude")
    if (folder === "" || !existsSync(file)) continue
    const real = realpathSync(file)
    yield real
    for (const beside of ["cli.js", "../cli.js", "../lib/node_modules/@anthropic-ai/claude-code/cli.js"]) {
      const program = join(dirname(real), beside)
      if (existsSync(program)) yield program
    }
  }
}

const CHUNK_BYTES = 4 * 1024 * 1024
/** Bytes that are read again, so that no name is cut. */
const OVERLAP_BYTES = 64

/** Those of the names that stand in a file, in quotes: it may be a script, or a program of 200 MB that holds one. */
const namesIn = (file: string, names: ReadonlyArray<string>): ReadonlySet<string> => {
  const found = new Set<string>()
  try {
    const handle = openSync(file, "r")
    try {
      const chunk = Buffer.alloc(CHUNK_BYTES)
      for (let at = 0; found.size < names.length; at += CHUNK_BYTES - OVERLAP_BYTES) {
        const size = readSync(handle, chunk, 0, CHUNK_BYTES, at)
        const part = chunk.subarray(0, size)
        for (const name of names) {
          if (!found.has(name) && [`"${name}"`, `'${name}'`].some((quoted) => part.includes(quoted))) found.add(name)
        }
        if (size < CHUNK_BYTES) break
      }
    } finally {
      closeSync(handle)
    }
  } catch {
    // What cannot be read says nothing.
  }
  return found
}
