/** What is mutated, and by which tests each part of it is held: quick ones, that run without a child process. */
import { Glob } from "bun"

export interface Area {
  /** As in `bun run test:mutants crypto`. */
  readonly name: string
  readonly sources: string
  readonly tests: ReadonlyArray<string>
}

export const areas: ReadonlyArray<Area> = [
  { name: "agents/Lines", sources: "sdk/src/agents/Lines.ts", tests: ["tests/agents/Lines.test.ts"] },
  { name: "crypto", sources: "sdk/src/crypto/*.ts", tests: ["tests/crypto/*.test.ts"] },
  { name: "hub/respond", sources: "sdk/src/hub/respond.ts", tests: ["tests/hub/Hub.test.ts"] },
  { name: "protocol", sources: "sdk/src/protocol/*.ts", tests: ["tests/protocol/*.test.ts"] }
]

export interface Source {
  readonly file: string
  readonly tests: ReadonlyArray<string>
}

/** The files to mutate whose name in `sdk/src` begins with one of `wanted`; all of them where nothing is wanted. */
export const sourcesOf = (root: string, wanted: ReadonlyArray<string>): ReadonlyArray<Source> => {
  const found = (pattern: string) => [...new Glob(pattern).scanSync({ cwd: root })].sort()
  return areas
    .flatMap(({ sources, tests }) => {
      const held = tests.flatMap(found)
      return found(sources).map((file) => ({ file, tests: held }))
    })
    .filter(({ file }) => wanted.length === 0 || wanted.some((name) => file.startsWith(`sdk/src/${name}`)))
}
