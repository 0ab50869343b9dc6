/** Serves the viewer's page on this machine until a signal ends it, and opens a browser on it. */
import { printKey } from "agent-sync"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { variable } from "#folders"
import manifest from "../../../../package.json" with { type: "json" }
import { type Flags, noKey, settings } from "../../Config.ts"
import { EXIT, Failure } from "../../Failure.ts"
import { paintFor } from "../../paint.ts"
import { endingWith, notOne, type Reading } from "../../Reading.ts"
import { readIndex } from "../../TenantIndex.ts"
import { untilSignal } from "../../untilSignal.ts"
import { fit } from "../../wrap.ts"
import { loadPage } from "./page.ts"
import { type Serving, serveViewer } from "./serve.ts"

export interface ViewerInput extends Flags {
  readonly session: string | undefined
  readonly port: number
  readonly open: boolean
  readonly json: boolean
}

export const run = (input: ViewerInput) =>
  Effect.scoped(
    Effect.gen(function* () {
      const found = yield* settings(input, { env: process.env, cwd: process.cwd() })
      const { key, tenant, url } = found
      if (key === undefined) return yield* noKey(found)
      if (key.kind !== "reader") {
        return yield* new Failure({
          exit: EXIT.unopened,
          code: "CannotRead",
          what: `This machine has only the recorder key of tenant ${tenant}: it can record and not read back.`,
          now: "No page is served.",
          tries: [
            { command: "AGENT_SYNC_KEY=asr1… agent-sync viewer", why: "with the reader key, from where you watch" }
          ]
        })
      }
      if (input.session !== undefined && url !== undefined) yield* ensureThere({ found, url, key }, input.session)
      const page = yield* Effect.promise(loadPage)
      const serving = yield* Effect.acquireRelease(
        Effect.try({
          try: () =>
            serveViewer({
              page,
              tenant,
              version: manifest.version,
              port: input.port,
              hub: url === undefined ? undefined : { url, token: () => found.token("read") }
            }),
          catch: (error) => (error instanceof Failure ? error : broken(error))
        }),
        ({ stop }) => Effect.promise(stop)
      )

      const link = `${serving.url}/#${new URLSearchParams({
        tenant,
        key: printKey(key),
        ...(input.session === undefined ? {} : { session: input.session })
      })}`
      if (input.json) {
        process.stdout.write(`${JSON.stringify({ schema: 1, ready: true, url: link, port: serving.port })}\n`)
      } else {
        const opened = input.open && isPersonThere() && (yield* Effect.promise(() => openBrowser(serving, link)))
        tell({ opened, hub: url, tenant, link, shown: process.stdout.isTTY === true })
      }
      return yield* untilSignal
    })
  )

/** Milliseconds for the hub to tell which sessions there are; the page is served all the same where it does not. */
const SOON_MS = 2_000

/** Fails where the hub tells that there is no such session. */
const ensureThere = ({ found, key, url }: Reading, wanted: string): Effect.Effect<void, Failure> =>
  readIndex(found, url, key).pipe(
    Effect.timeout(SOON_MS),
    Effect.option,
    Effect.flatMap(
      Option.match({
        onNone: () => Effect.void,
        onSome: ({ sessions }) => {
          const matches = endingWith(wanted, sessions)
          return matches.length > 0 ? Effect.void : new Failure(notOne("viewer --session", wanted, matches, sessions))
        }
      })
    )
  )

const tell = (what: {
  readonly opened: boolean
  readonly hub: string | undefined
  readonly tenant: string
  readonly link: string
  readonly shown: boolean
}) => {
  const paint = paintFor(process.stderr)
  const from = what.hub === undefined ? "" : `, from the hub at ${new URL(what.hub).host}`
  const lines = [
    what.opened
      ? `  ${paint.green("✓")} ${what.tenant} is open in your browser${from}`
      : `  ${paint.green("✓")} ${what.tenant} can be watched in a browser of this machine${from}`,
    ...(what.hub === undefined
      ? [
          `  ${paint.yellow("!")} no hub is configured, so there is nothing to show yet: ${paint.cyan("agent-sync init")}`
        ]
      : []),
    `  ${paint.yellow("!")} the link holds your reader key: it is for you alone`
  ]
  process.stderr.write(fit(`${lines.join("\n")}\n\n`, process.stderr))
  process.stdout.write(`${what.link}\n`)
  if (what.shown) process.stderr.write(`\n  ${paint.dim("Ctrl-C ends it")}\n`)
}

/** A browser is for a person at a terminal. */
const isPersonThere = () => process.stderr.isTTY === true && variable(process.env, "CI") === undefined

/** False where nothing opens addresses here. The address is good once, so the process list tells no key. */
const openBrowser = async ({ once }: Serving, link: string): Promise<boolean> => {
  const opener = Bun.which(process.platform === "darwin" ? "open" : "xdg-open")
  if (opener === null) return false
  const child = Bun.spawn([opener, once(link)], { stdin: "ignore", stdout: "ignore", stderr: "ignore" })
  // xdg-open may stay as long as the browser that it started.
  const ended = await Promise.race([child.exited, Bun.sleep(OPEN_MS)])
  child.unref()
  return ended === undefined || ended === 0
}
/** Milliseconds after which an opener that has not failed counts as successful. */
const OPEN_MS = 1_000

const broken = (error: unknown) =>
  new Failure({ exit: EXIT.failure, code: "CannotServe", what: `The page cannot be served: ${String(error)}.` })
