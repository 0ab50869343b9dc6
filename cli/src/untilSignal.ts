/** How commands that stay are ended. */
import * as Effect from "effect/Effect"
import { EXIT } from "./Failure.ts"

/** The exit code, once it is due: SIGINT is a person at the terminal, SIGTERM a supervisor that wants a clean end. */
export const untilSignal: Effect.Effect<number> = Effect.async((resume) => {
  const end = (code: number) => () => {
    off()
    resume(Effect.succeed(code))
  }
  const [interrupted, ended] = [end(EXIT.interrupted), end(EXIT.ok)]
  const off = () => {
    process.off("SIGINT", interrupted)
    process.off("SIGTERM", ended)
  }
  process.on("SIGINT", interrupted)
  process.on("SIGTERM", ended)
  return Effect.sync(off)
})
