/** What `import` shows while it works, on a terminal only. */
import { clean } from "../../Terminal.ts"

export interface Progress {
  readonly advance: (bytes: number, session?: string) => void
  readonly end: () => void
}

const SILENT: Progress = { advance: () => {}, end: () => {} }
/** Steps of the bar. */
const STEPS = 200

export const makeProgress = async (json: boolean, bytes: number): Promise<Progress> => {
  if (json || process.stderr.isTTY !== true || bytes === 0) return SILENT
  const { progress } = await import("@clack/prompts")
  const bar = progress({ max: STEPS, output: process.stderr })
  bar.start("Reading sessions")
  let done = 0
  let shown = 0
  return {
    advance: (more, session) => {
      done += more
      const step = Math.floor((Math.min(done, bytes) / bytes) * STEPS)
      if (step === shown) return
      bar.advance(step - shown, session === undefined ? "Reading sessions" : `Reading ${clean(session).slice(-12)}`)
      shown = step
    },
    end: () => bar.stop("All sessions are read")
  }
}
