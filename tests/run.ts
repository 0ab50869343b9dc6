/**
 * `bun run test`: all of `tests/`, and one plain line to close with, `N passed, N failed, N skipped`. A run in which nothing
 * passed counts as failed. Arguments go to `bun test` (a file, `-t name`) and run over the sources; a whole run builds
 * what is published first, and takes three files at a time: many wait for clocks, and two cores have room for another. The
 * longest begin first, by `timings.json`, so that none is alone at the end; `bun run test --update-timings` writes it anew.
 */
import { cpSync, rmSync } from "node:fs"
import { join } from "node:path"

const WHOLE = ["--parallel=3", "--timings=tests/timings.json"]

const args = process.argv.slice(2)
const whole = args.every((arg) => arg === "--update-timings")
const root = join(import.meta.dir, "..")
const built = join(root, ".build")
if (whole) {
  rmSync(built, { recursive: true, force: true })
  await import("../cli/build.ts")
  // Tests that pack the package build it again meanwhile.
  cpSync(join(root, "dist/cli"), join(built, "cli"), { recursive: true })
}
const child = Bun.spawn(
  [process.execPath, "test", "--timeout", "60000", ...(whole ? [...WHOLE, ...args, "tests"] : args)],
  {
    env: {
      ...process.env,
      ...(whole ? { AGENT_SYNC_TESTED: join(built, "cli", "main.js"), AGENT_SYNC_BUILT: "1" } : {})
    },
    stdin: "ignore",
    stdout: "inherit",
    stderr: "pipe"
  }
)

let text = ""
const decoder = new TextDecoder()
for await (const chunk of child.stderr) {
  process.stderr.write(chunk)
  text += decoder.decode(chunk, { stream: true })
}
const code = await child.exited

/** bun 1.4.5 closes with lines such as ` 12 pass`, ` 0 fail`, ` 1 skip`, ` 1 todo`, ` 1 error`. */
const lines = text.replace(/\x1b\[[0-9;]*m/g, "").split("\n")
const count = (word: string) => {
  const found = lines.findLast((line) => new RegExp(`^ \\d+ ${word}s?$`).test(line))
  return found === undefined ? 0 : Number.parseInt(found, 10)
}
const passed = count("pass")
const failed = count("fail") + count("error")
console.log(`${passed} passed, ${failed} failed, ${count("skip") + count("todo")} skipped`)
process.exit(code !== 0 ? code : passed === 0 || failed > 0 ? 1 : 0)
