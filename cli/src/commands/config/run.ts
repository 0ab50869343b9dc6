/** Tells the settings, and with `--show-origin` who decided each: flag, variable, file, default. */
import * as Effect from "effect/Effect"
import { type Flags, settings } from "../../Config.ts"
import { EXIT } from "../../Failure.ts"
import { shortPath } from "../../paint.ts"
import { table } from "../../table.ts"

export const run = (input: Flags & { readonly showOrigin: boolean; readonly json: boolean }) =>
  Effect.map(settings(input, { env: process.env, cwd: process.cwd() }), ({ origins }) => {
    if (input.json) {
      for (const row of origins) process.stdout.write(`${JSON.stringify({ schema: 1, ...row })}\n`)
    } else {
      const head = input.showOrigin ? ["Setting", "Value", "Decided by"] : ["Setting", "Value"]
      process.stdout.write(
        table(
          head,
          origins.map(({ name, origin, value }) => [
            name,
            shortPath(value),
            ...(input.showOrigin ? [origin.replace(/\/.+$/, shortPath)] : [])
          ])
        )
      )
    }
    return EXIT.ok
  })
