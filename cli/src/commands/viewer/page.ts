/**
 * The built page as files with the headers of its `_headers`: shipped with the package, or, in the repository, built on
 * the spot. The format of `_headers` is Cloudflare's, which serves the same folder.
 */
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, relative, sep } from "node:path"
import { fileURLToPath } from "node:url"

export interface Asset {
  readonly body: Uint8Array<ArrayBuffer>
  readonly headers: Readonly<Record<string, string>>
}

/** Files by their path in the URL; the page itself is `/`. */
export type Page = ReadonlyMap<string, Asset>

export const loadPage = (): Promise<Page> => withBuiltPage(readPage)

/** Puts the page into a folder that something else serves, in the place of an older one. */
export const writePage = (folder: string): Promise<void> =>
  withBuiltPage((built) => {
    rmSync(join(folder, "assets"), { recursive: true, force: true })
    cpSync(built, folder, { recursive: true })
  })

const withBuiltPage = async <A>(use: (folder: string) => A): Promise<A> => {
  const root = join(fileURLToPath(import.meta.resolve("agent-sync/package.json")), "..")
  const source = join(root, "viewer-static", "build.ts")
  if (!existsSync(source)) return use(join(root, "dist", "viewer"))
  const folder = mkdtempSync(join(tmpdir(), "agent-sync-viewer-"))
  try {
    const { buildViewer }: { buildViewer: (folder: string) => Promise<unknown> } = await import(source)
    await buildViewer(folder)
    return use(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A built page, read whole: it is a few hundred kilobytes. */
export const readPage = (folder: string): Page => {
  const rules = rulesOf(readFileSync(join(folder, "_headers"), "utf8"))
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const page = new Map<string, Asset>()
  for (const { name, parentPath } of files) {
    if (name === "_headers") continue
    const file = join(parentPath, name)
    const path = `/${relative(folder, file).split(sep).join("/")}`
    const asset = {
      body: new Uint8Array(readFileSync(file)),
      headers: { "content-type": Bun.file(file).type, ...headersFor(rules, path) }
    }
    page.set(path, asset)
    if (path === "/index.html") page.set("/", { ...asset, headers: { ...asset.headers, ...headersFor(rules, "/") } })
  }
  return page
}

interface Rule {
  readonly path: string
  readonly headers: Array<readonly [string, string]>
}

/** A line that begins with a slash names a path, indented lines below it its headers. */
const rulesOf = (text: string): ReadonlyArray<Rule> => {
  const rules: Array<Rule> = []
  for (const line of text.split("\n")) {
    if (line.trim() === "" || line.startsWith("#")) continue
    const [, name, value] = /^\s+([^:\s]+):\s*(.*)$/.exec(line) ?? []
    if (name !== undefined && value !== undefined) rules.at(-1)?.headers.push([name.toLowerCase(), value.trim()])
    else rules.push({ path: line.trim(), headers: [] })
  }
  return rules
}

const headersFor = (rules: ReadonlyArray<Rule>, path: string): Record<string, string> =>
  Object.fromEntries(
    rules
      .filter((rule) => (rule.path.endsWith("*") ? path.startsWith(rule.path.slice(0, -1)) : path === rule.path))
      .flatMap(({ headers }) => headers)
  )
