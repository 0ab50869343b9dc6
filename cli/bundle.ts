import { join } from "node:path"

/** The command as minified JavaScript that needs no package beside it: `main.js`, `agent-sync-hook.js` and their chunks. */
export const bundle = async (folder: string) => {
  const { logs, success } = await Bun.build({
    // The hook program is its own, because it has to start at once.
    entrypoints: [join(import.meta.dir, "src/main.ts"), join(import.meta.dir, "src/agent-sync-hook.ts")],
    outdir: folder,
    target: "bun",
    minify: true,
    // What a command does is loaded when it is called: the grammar alone starts in two thirds of the time.
    splitting: true,
    // The first two belong to the Worker's folder and are loaded from there; msgpackr does without the third, whose loader
    // would take this machine's folders into the bundle.
    external: ["miniflare", "wrangler", "msgpackr-extract"]
  })
  if (!success) throw new Error(`The command does not bundle:\n${logs.join("\n")}`)
}
