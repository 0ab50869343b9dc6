/** What is told of the machine and the repository with a session, and how it is switched off. */
import { describe, expect, test } from "bun:test"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { repositoryOf } from "../../cli/src/git.ts"
import { machine, startHub, tempFolder } from "../support/cli.ts"
import { readAll } from "../support/reader.ts"

const repository = (folder: string, config: string) => {
  mkdirSync(join(folder, ".git"), { recursive: true })
  writeFileSync(join(folder, ".git", "HEAD"), "ref: refs/heads/feature/x\n")
  writeFileSync(join(folder, ".git", "config"), config)
  return folder
}
const remote = (name: string, url: string) => `[remote "${name}"]\n\turl = ${url}\n\tfetch = +refs/heads/*\n`

describe("the repository of a folder", () => {
  test.each([
    ["git@github.com:acme/shop.git", "git@github.com:acme/shop.git"],
    [`https://anna:s3cret${"Token"}1@github.com/acme/shop.git`, "https://github.com/acme/shop.git"],
    [`https://x-token@gitlab.com/a.git`, "https://gitlab.com/a.git"]
  ])("is told by its remote, without credentials: %s", (url, told) => {
    const folder = repository(
      tempFolder(),
      `[core]\n\tbare = false\n${remote("upstream", "https://x/y")}${remote("origin", url)}`
    )
    expect(repositoryOf(join(folder))).toEqual({ branch: "feature/x", repository: told })
  })

  test("its commit is told from a loose or packed ref, or a detached head", () => {
    const [one, two, three] = ["1".repeat(40), "2".repeat(40), "3".repeat(40)]
    const folder = repository(tempFolder(), "")
    const git = (name: string, text: string) => writeFileSync(join(folder, ".git", name), text)
    git("packed-refs", `# pack-refs\n${one} refs/heads/feature/x-other\n${two} refs/heads/feature/x\n`)
    expect(repositoryOf(folder)).toEqual({ branch: "feature/x", commit: two })
    mkdirSync(join(folder, ".git", "refs", "heads", "feature"), { recursive: true })
    git("refs/heads/feature/x", `${three}\n`)
    expect(repositoryOf(folder)).toEqual({ branch: "feature/x", commit: three })
    git("HEAD", `${one}\n`)
    expect(repositoryOf(folder)).toEqual({ commit: one })
  })

  test("is found from a folder inside it and from a worktree; outside there is none", () => {
    const folder = repository(tempFolder(), remote("fork", "https://x/fork"))
    mkdirSync(join(folder, "deep", "er"), { recursive: true })
    expect(repositoryOf(join(folder, "deep", "er"))).toEqual({ branch: "feature/x", repository: "https://x/fork" })
    const tree = tempFolder()
    const own = join(folder, ".git", "worktrees", "t")
    mkdirSync(own, { recursive: true })
    writeFileSync(join(own, "HEAD"), "ref: refs/heads/other\n")
    writeFileSync(join(own, "commondir"), "../..\n")
    writeFileSync(join(tree, ".git"), `gitdir: ${own}\n`)
    expect(repositoryOf(tree)).toEqual({ branch: "other", repository: "https://x/fork" })
    expect(repositoryOf(tempFolder())).toEqual({})
  })
})

test("host and git are told with a session, and each can be switched off", async () => {
  const on = machine(tempFolder(), { AGENT_SYNC_TENANT: "acme" })
  await on.run(["init", "--local", "--yes", "--tenant", "acme"])
  const hub = await startHub(on)
  repository(on.home, remote("origin", "https://x/shop"))
  const origin = async (context: object) => {
    writeFileSync(join(on.home, "agent-sync.json"), JSON.stringify({ tenant: "acme", context }))
    await on.run(["run", "--url", hub.url, "--", "echo", "hi"])
    const { sessions } = await readAll(on, hub.url)
    const last = sessions.toSorted((a, b) => a.session.startedAt - b.session.startedAt).at(-1)
    const { branch, host, repository } = last?.session.origin ?? {}
    return { branch, host: host === undefined ? undefined : "told", repository }
  }
  expect(await origin({})).toEqual({ branch: "feature/x", host: "told", repository: "https://x/shop" })
  expect(await origin({ git: false })).toEqual({ branch: undefined, host: "told", repository: undefined })
  expect(await origin({ host: false })).toEqual({ branch: "feature/x", host: undefined, repository: "https://x/shop" })
})
