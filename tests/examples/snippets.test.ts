/** Code in our pages is code: each fenced block of TypeScript is type-checked as it stands, the specification's too where it is found. */
import { expect, test } from "bun:test"
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Glob } from "bun"
import { afterThisTest } from "../support/undo.ts"

const root = join(import.meta.dir, "../..")
const specification = [join(root, "../shared"), join(root, "../../shared")]
  .map((folder) => join(folder, "spec/phase-13-cloudflare-remote-sync.md"))
  .find(existsSync)

interface Snippet {
  readonly from: string
  readonly code: string
}

const snippetsIn = (file: string): ReadonlyArray<Snippet> =>
  [...readFileSync(file, "utf8").matchAll(/^```(?:ts|typescript)\n([\s\S]*?)^```$/gm)].map(({ 1: code = "" }, i) => ({
    from: `${file.slice(root.length + 1)} ${i + 1}`,
    code
  }))

/** The specification leaves out imports, and writes one type as its fields alone. */
const ofSpecification = ({ code, from }: Snippet): Snippet => ({
  from,
  code: code.startsWith("remote:")
    ? `import type { SyncConfig } from "agent-sync"
import type { Duration } from "effect/Duration"
interface Surface {\n${code}}
export const taken = (surface: Surface): Partial<SyncConfig.SyncOptions> => surface.remote\n`
    : `import { AgentRuntime, Compaction, ConflictPolicy } from "agent-sync"
import * as Layer from "effect/Layer"
export const live = ${code}`
})

test("every snippet of our pages compiles", () => {
  const pages = ["README.md", ...[...new Glob("sdk/*.md").scanSync(root)].sort()].flatMap((page) =>
    snippetsIn(join(root, page))
  )
  const theirs = specification === undefined ? [] : snippetsIn(specification).map(ofSpecification)
  expect(pages.length).toBeGreaterThan(2)
  const folder = join(root, "tests/examples", `.snippets-${process.pid}`)
  mkdirSync(folder)
  afterThisTest(() => rmSync(folder, { recursive: true, force: true }))
  const all = [...pages, ...theirs]
  for (const [i, { code }] of all.entries()) writeFileSync(join(folder, `snippet${i}.ts`), `${code}\nexport {}\n`)
  const config = { extends: "../../../tsconfig.json", compilerOptions: { noUnusedLocals: false }, include: ["*.ts"] }
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config))
  const { stdout } = Bun.spawnSync([process.execPath, "x", "tsc", "-p", folder], { cwd: root, stdout: "pipe" })
  const said = stdout.toString().replace(/\S*snippet(\d+)\.ts/g, (_, i: string) => all[Number(i)]?.from ?? "")
  expect(said).toBe("")
}, 60_000)
