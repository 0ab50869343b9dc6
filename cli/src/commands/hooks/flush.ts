/** The flusher: records what hooks have left where nobody else does, and ends by itself when nothing more comes. */
import * as Effect from "effect/Effect"
import { EXIT } from "../../Failure.ts"
import { drainHere } from "../../spool/drain.ts"
import { clean } from "../../Terminal.ts"

/** Milliseconds without a record after which it ends: an agent at work calls a hook more often. */
const LINGER_MS = 20_000
const LOOK_MS = 500

export const run = (_: object) =>
  Effect.promise(async () => {
    const drain = drainHere(process.env, (what) => void process.stderr.write(`agent-sync: ${clean(what)}\n`))
    const began = Date.now()
    let over = false
    const end = () => {
      over = true
    }
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, end)
    while (!over) {
      await Bun.sleep(LOOK_MS)
      // Another one drains: there is nothing to do here.
      const idle = Date.now() - Math.max(drain.lastAt(), began) > (drain.active() ? LINGER_MS : LOOK_MS)
      if (idle) over = true
    }
    await drain.stop()
    return EXIT.ok
  })
