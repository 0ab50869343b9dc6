/** The git branch, commit and remote of a folder, read from its files so that a run does not wait for a process. */
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

/**
 * Branch, commit and remote (`origin`, else the first) of a folder's repository, the remote without credentials; what cannot
 * be read is left out.
 */
export const repositoryOf = (
  folder: string
): { readonly branch?: string; readonly commit?: string; readonly repository?: string } => {
  const repository = remoteOf(folder)
  const commit = commitOf(folder)
  return {
    ...branchOf(folder),
    ...(commit === undefined ? {} : { commit }),
    ...(repository === undefined ? {} : { repository })
  }
}

/** What HEAD is: itself, or where its branch stands, in a file of its own or among the packed ones. */
const commitOf = (folder: string): string | undefined => {
  try {
    const git = gitFolder(folder)
    const head = readFileSync(join(git, "HEAD"), "utf8").trim()
    const ref = /^ref: (.+)$/.exec(head)?.[1]
    if (ref === undefined) return COMMIT.exec(head)?.[0]
    const common = commonFolder(git)
    const loose = readIf(join(common, ref))?.trim()
    const packed = readIf(join(common, "packed-refs"))
      ?.split("\n")
      .find((line) => line.endsWith(` ${ref}`))
    return COMMIT.exec(loose ?? packed ?? "")?.[0]
  } catch {
    return undefined
  }
}
const COMMIT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})(?![0-9a-f])/

const readIf = (file: string) => {
  try {
    return readFileSync(file, "utf8")
  } catch {
    return undefined
  }
}

const remoteOf = (folder: string): string | undefined => {
  try {
    const git = gitFolder(folder)
    const common = commonFolder(git)
    const config = readFileSync(join(common, "config"), "utf8")
    const remotes = [...config.matchAll(/^\[remote "([^"]+)"\]\s*\n((?:(?!\[).*\n?)*)/gm)].flatMap(([, name, body]) => {
      const url = /^\s*url\s*=\s*(.+)$/m.exec(body ?? "")?.[1]?.trim()
      return url === undefined ? [] : [{ name, url }]
    })
    const remote = remotes.find(({ name }) => name === "origin") ?? remotes[0]
    return remote?.url.replace(/^([a-z+]+:\/\/)[^/@]*@/i, "$1")
  } catch {
    return undefined
  }
}

/** A worktree's own folder has no config; it names the one that has. */
const commonFolder = (git: string) => {
  try {
    const named = readFileSync(join(git, "commondir"), "utf8").trim()
    return isAbsolute(named) ? named : join(git, named)
  } catch {
    return git
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
