/**
 * The client on Node's own SQLite and WebSocket, where this machine has such a Node; Bun, which has `node:sqlite` too, runs
 * the same bundle always.
 */
import { expect, test } from "bun:test"
import { join } from "node:path"
import { printKey } from "agent-sync"
import { itself } from "../../cli/itself.ts"
import { machine, startHub, tempFolder } from "../support/cli.ts"
import { node } from "../support/node.ts"
import { keysOf } from "../support/reader.ts"

const runners = [process.execPath, ...(node === undefined ? [] : [node])]

test("the bundle for Node holds nothing of Bun, and records to a hub over Node's SQLite", async () => {
  const here = machine()
  await here.run(["init", "--local", "--yes", "--tenant", "acme"])
  const hub = await startHub(here)
  const { reader, token } = keysOf(here)
  const folder = tempFolder()
  const { metafile, success } = await Bun.build({
    entrypoints: [join(import.meta.dir, "program.ts")],
    outdir: folder,
    target: "node",
    metafile: true,
    plugins: [itself],
    external: ["msgpackr-extract"]
  })
  expect(success).toBe(true)
  expect(Object.keys(metafile!.inputs).some((input) => input.endsWith("sdk/src/node/sqlite.ts"))).toBe(true)
  expect(await Bun.file(join(folder, "program.js")).text()).not.toMatch(/\bfrom ?"bun(:\w+)?"|\bBun\.\w+\(/)

  for (const [at, runner] of runners.entries()) {
    const child = Bun.spawn([runner, join(folder, "program.js")], {
      env: {
        PATH: process.env.PATH ?? "",
        HUB: hub.url,
        TOKEN: await token("write"),
        KEY: printKey(reader.recorder),
        FOLDER: join(folder, String(at))
      },
      stdout: "pipe",
      stderr: "pipe"
    })
    const [text, trouble, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited
    ])
    expect([code, code === 0 ? "" : trouble]).toEqual([0, ""])
    expect(JSON.parse(text)).toEqual({
      runs: at === 0 ? "bun" : expect.stringMatching(/^node 2[2-9]\./),
      waiting: 0,
      troubles: [],
      fresh: false,
      created: false,
      last: 101,
      damaged: "damaged"
    })
  }
})
