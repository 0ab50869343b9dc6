/** The git branch of a folder, read from its files so that a run does not wait for a process. */
import { readFileSync, statSync } from "node:fs"
import { dirname, isAbsolute, join } from "node:path"

/** Empty outside a repository, on a detached head, and where anything about it cannot be read. */
export const branchOf = (folder: string): { readonly branch?: string } => {
  try {
    const head = readFileSync(join(gitFolder(folder), "HEAD"), "utf8")
    const branch = /^ref: refs\/heads\/(.+)$/m.exec(head)?.[1]
    return branch === undefined ? {} : { branch }
  } catch {
    return {}
  }
}

/** `.git` is a folder, or in a worktree a file that names one. */
const gitFolder = (folder: string): string => {
  const git = join(folder, ".git")
  const kind = statSync(git, { throwIfNoEntry: false })
  if (kind?.isDirectory() === true) return git
  if (kind !== undefined) {
    const named = readFileSync(git, "utf8")
      .replace(/^gitdir: /, "")
      .trim()
    return isAbsolute(named) ? named : join(folder, named)
  }
  const parent = dirname(folder)
  if (parent === folder) throw new Error("no repository")
  return gitFolder(parent)
}
