/**
 * The resident process of a machine: records what hooks leave and keeps it flowing to the hubs. It starts with the login
 * where it was installed (`service.ts`). What follows agents' own files takes its place among `parts`.
 */
import * as Effect from "effect/Effect"
import { EXIT } from "../../Failure.ts"
import { drainSpool } from "../../spool/drain.ts"
import { clean } from "../../Terminal.ts"

export interface UpInput {
  readonly install: boolean
  readonly remove: boolean
  readonly status: boolean
  readonly json: boolean
}

/** What works here until it is stopped. */
interface Part {
  readonly stop: () => Promise<void>
}

export const run = (_input: UpInput) =>
  Effect.promise(async () => {
    const say = (what: string) => void process.stderr.write(`agent-sync: ${clean(what)}\n`)
    const parts: ReadonlyArray<Part> = [drainSpool({ env: process.env, say })]
    await signalled()
    for (const part of parts) await part.stop()
    return EXIT.ok
  })

const signalled = () =>
  new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => resolve())
  })
