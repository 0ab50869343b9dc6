/** Colour and short paths for the few lines that commands say on stderr. What `tail` draws is `Terminal.ts` and its rows. */
import { homedir } from "node:os"
import { createColors } from "picocolors"
import { variable } from "#folders"
import { globals } from "./globals.ts"

/** `--no-color` first, then `FORCE_COLOR`, `NO_COLOR`, and whether it is a terminal that knows colours. */
export const wantsColor = (stream: { readonly isTTY?: boolean }) => {
  if (globals.noColor) return false
  const force = variable(process.env, "FORCE_COLOR")
  if (force !== undefined) return force !== "0"
  return stream.isTTY === true && variable(process.env, "NO_COLOR") === undefined && process.env.TERM !== "dumb"
}

export const paintFor = (stream: { readonly isTTY?: boolean }) => createColors(wantsColor(stream))

/** A path as people write it: below the working folder without it, below home with `~`. */
export const shortPath = (path: string) => {
  const home = process.env.HOME ?? homedir()
  if (path.startsWith(`${process.cwd()}/`)) return path.slice(process.cwd().length + 1)
  return path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path
}
