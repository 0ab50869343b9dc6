/** Builds the page: names with a hash in `assets/`, `index.html` and `_headers` beside it. `bun viewer-static/build.ts DIR`. */
import { join } from "node:path"
import type { BunPlugin } from "bun"
import style from "#viewer/style"
import { itself } from "../cli/itself.ts"
import { headers } from "./headers.ts"
import { withoutPolyfill } from "./withoutPolyfill.ts"
import { withSmallSchema } from "./withSmallSchema.ts"

/** Saved sessions carry the style as it is written, so that whoever draws one again has the same. Of an imported sheet Bun makes a file here. */
const styleAsText: BunPlugin = {
  name: "style as text",
  setup: (build) => {
    build.onResolve({ filter: /^#viewer\/style$/ }, () => ({ path: "style", namespace: "as-text" }))
    build.onLoad({ filter: /.*/, namespace: "as-text" }, () => ({ contents: style, loader: "text" }))
  }
}

export const buildViewer = async (
  outdir: string,
  entrypoint = join(import.meta.dir, "index.html")
): Promise<ReadonlyArray<string>> => {
  const built = await Bun.build({
    entrypoints: [entrypoint],
    outdir,
    target: "browser",
    minify: true,
    splitting: true,
    plugins: [styleAsText, itself, withoutPolyfill, withSmallSchema],
    naming: { entry: "[name].[ext]", chunk: "assets/[name]-[hash].[ext]", asset: "assets/[name]-[hash].[ext]" },
    publicPath: "/",
    define: { "process.env.NODE_ENV": '"production"' }
  })
  const missing = built.logs.filter(({ message }) => message.includes("no matching export"))
  if (missing.length > 0) throw new Error(`The page does not bundle:\n${missing.join("\n")}`)
  const lines = Object.entries(headers).map(([name, value]) => `  ${name}: ${value}`)
  const cache = "/assets/*\n  cache-control: public, max-age=31536000, immutable\n"
  await Bun.write(join(outdir, "_headers"), `/*\n${lines.join("\n")}\n${cache}`)
  return built.outputs.map(({ path }) => path)
}

if (import.meta.main) {
  const outdir = process.argv[2]
  if (outdir === undefined) throw new Error("Say where to: bun viewer-static/build.ts DIR")
  for (const path of await buildViewer(outdir)) console.log(path)
}
