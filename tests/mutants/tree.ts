/** A copy of the work tree with all mutants in it; the work tree itself is never changed. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, relative } from "node:path"

/**
 * Tracked files and new ones, as they lie there now, the tests over `harness.ts`; packages by a link. `remove` is the
 * caller's to call.
 */
export const copyTree = (root: string) => {
  const copy = mkdtempSync(join(tmpdir(), "agent-sync-mutants-"))
  const remove = () => rmSync(copy, { recursive: true, force: true })
  const listed = Bun.spawnSync(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: root })
  for (const file of listed.stdout.toString().split("\0")) {
    // A file that was removed and not yet committed is still listed.
    if (file === "" || !Bun.file(join(root, file)).size) continue
    mkdirSync(join(copy, dirname(file)), { recursive: true })
    if (!/^tests\/(?!mutants\/).*\.tsx?$/.test(file)) cpSync(join(root, file), join(copy, file))
    else {
      const harness = relative(dirname(file), "tests/mutants/harness.ts").replace(/^(?!\.)/, "./")
      const text = readFileSync(join(root, file), "utf8")
      writeFileSync(join(copy, file), text.replaceAll('from "bun:test"', `from "${harness}"`))
    }
  }
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"))
  return { copy, remove }
}
