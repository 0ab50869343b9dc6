/** The Worker's own figures: how large it is, how soon it greets, how many rows a write costs. */
import { mkdtempSync, rmSync } from "node:fs"
import { join } from "node:path"
import { bundle, startWorkerd } from "../../support/workerd.ts"
import { connect } from "../harness/Client.ts"
import type { Figures } from "../harness/Figures.ts"
import { MEMORY, WORKERS } from "../harness/Target.ts"

const WORKERS_OF = { worker: WORKERS.object, stock: WORKERS["stock object"] } as const

/** Bundles, and from a workerd that is ready to the first Hello of a new object. */
export const start = async ({ put }: Figures, rounds: number): Promise<void> => {
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 === 0 ? (["worker", "stock"] as const) : (["stock", "worker"] as const)) {
      const worker = await bundle(WORKERS_OF[name], true)
      if (round === 0) {
        const sizes = [Buffer.from(worker.script), ...worker.wasm.values()].map(
          (module) => Bun.gzipSync(module, { level: 9 }).byteLength
        )
        put("bundle, gzip: kB", name, sizes.reduce((sum, size) => sum + size) / 1000)
      }
      const data = mkdtempSync(join(MEMORY, "agent-sync-bench-"))
      const workerd = await startWorkerd({ worker, data })
      const began = performance.now()
      const target = {
        name: "object",
        url: workerd.url,
        headers: {},
        pid: workerd.pids[0]!,
        stop: workerd.stop
      } as const
      const client = await connect(target, "acme")
      put("ready to Hello: ms", name, performance.now() - began)
      client.close()
      const next = performance.now()
      const second = await connect(target, "another")
      put("the next object's Hello: ms", name, performance.now() - next)
      second.close()
      await workerd.stop()
      rmSync(data, { recursive: true, force: true })
    }
  }
}

/** Rows as Cloudflare bills them. */
export const rows = async ({ put }: Figures): Promise<void> => {
  const workerd = await startWorkerd({ worker: await bundle("tests/bench/workers/rows.ts") })
  try {
    for (const [order, name] of [
      ["rising", "one writer"],
      ["two writers", "two writers"],
      ["random", "random ids"]
    ]) {
      for (const batch of [1, 20, 100]) {
        const answer = await fetch(
          `${workerd.url.replace("ws", "http")}/?entries=2000&batch=${batch}&order=${encodeURIComponent(order!)}`
        )
        const { rows } = (await answer.json()) as { readonly rows: number }
        put(`rows written, batch ${batch}, ${name}: rows/entry`, "worker", rows)
      }
    }
  } finally {
    await workerd.stop()
  }
}
