/** Which sessions a project has: those that ran in its folder, or below it. */
import { relative } from "node:path"

export const isBelow = (path: string | undefined, folder: string) => {
  if (path === undefined) return false
  const between = relative(folder, path)
  return between === "" || (!between.startsWith("..") && !between.startsWith("/"))
}
