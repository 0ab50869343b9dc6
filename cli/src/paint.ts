/** Colour and short paths for the few lines that commands say on stderr. What `tail` draws is `Terminal.ts` and its rows. */
import { homedir } from "node:os"
import { createColors } from "picocolors"

/** Colour only on a terminal that wants it. */
export const paintFor = (stream: { readonly isTTY?: boolean }) =>
  createColors(stream.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== "dumb")

/** A path as people write it: below the working folder without it, below home with `~`. */
export const shortPath = (path: string) => {
  const home = process.env.HOME ?? homedir()
  if (path.startsWith(`${process.cwd()}/`)) return path.slice(process.cwd().length + 1)
  return path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path
}
