/** What is installed is what was meant: one Effect, of the third major; every version pinned exactly. */
import { expect, test } from "bun:test"
import { join } from "node:path"
import { Glob } from "bun"
import manifest from "../package.json" with { type: "json" }

const root = join(import.meta.dir, "..")

test("there is one copy of effect, and its major is 3", async () => {
  const copies = [
    ...new Glob("node_modules/**/effect/package.json").scanSync({ cwd: root, followSymlinks: false })
  ].filter((file) => file.endsWith("node_modules/effect/package.json"))
  expect(copies).toHaveLength(1)
  const { version } = (await Bun.file(join(root, copies[0]!)).json()) as { version: string }
  expect(version).toStartWith("3.")
})

test("every dependency is pinned to one version", () => {
  const versions = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })
  expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([])
})

test("what is installed with the package gets along: npm has nothing to warn of", async () => {
  const pinned: Readonly<Record<string, string>> = manifest.dependencies
  const odd = await Promise.all(
    Object.keys(pinned).map(async (name) => {
      const { peerDependencies = {} } = (await Bun.file(join(root, "node_modules", name, "package.json")).json()) as {
        peerDependencies?: Readonly<Record<string, string>>
      }
      return Object.entries(peerDependencies).flatMap(([peer, range]) =>
        pinned[peer] === undefined || Bun.semver.satisfies(pinned[peer], range)
          ? []
          : [`${name} wants ${peer} ${range}, and ${pinned[peer]} is pinned`]
      )
    })
  )
  expect(odd.flat()).toEqual([])
})
