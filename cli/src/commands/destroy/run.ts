/**
 * Removes the Worker, its Durable Objects and its D1 database from Cloudflare: every tenant's sealed sessions there are gone.
 * Asks for the tenant's name first. Keys and journals of this machine stay.
 */
import * as Effect from "effect/Effect"
import { inThisFolder } from "../../again.ts"
import { type Flags, settings } from "../../Config.ts"
import { EXIT, Failure } from "../../Failure.ts"
import { canAsk } from "../../globals.ts"
import { shortPath } from "../../paint.ts"
import { say, step } from "../../steps.ts"
import { rememberDatabase, rememberUrl, workerOf } from "../deploy/Worker.ts"
import { NOTHING, signedIn, wrangler } from "../deploy/wrangler.ts"

export const run = (input: Flags & { readonly dryRun: boolean; readonly confirm: string | undefined }) =>
  Effect.gen(function* () {
    const found = yield* settings(
      { ...input, env: input.env ?? process.env.AGENT_SYNC_ENV ?? "prod" },
      { env: process.env, cwd: process.cwd() }
    )
    const { file, tenant } = found
    const preset = found.preset ?? "prod"
    const worker = yield* workerOf(found, process.cwd(), preset)
    const { database } = worker
    const gone = [
      `the Worker ${worker.name}, and with it every Durable Object: all sealed sessions of all its tenants`,
      ...(database === undefined ? [] : [`the D1 database ${database.name}`]),
      ...(found.presets[preset]?.url === undefined
        ? []
        : [`the address of preset ${preset} in ${shortPath(file ?? "agent-sync.json")}`])
    ]
    const stays = `Keys (${shortPath(found.files.folder)}) and journals (${shortPath(found.folders.journals)}) on this machine stay.`
    if (input.dryRun) {
      process.stdout.write(
        `${[...gone.map((what) => `would remove ${what}`), stays, "nothing was removed (--dry-run)"].join("\n")}\n`
      )
      return EXIT.ok
    }
    if (worker.wrangler === undefined) {
      return yield* new Failure({
        exit: EXIT.failure,
        code: "NotReady",
        what: `wrangler is not installed in ${worker.folder}.`,
        now: NOTHING,
        tries: [{ command: `(cd ${worker.folder} && bun install)` }]
      })
    }
    const asking = input.confirm === undefined && canAsk()
    const name = asking ? yield* ask(gone, tenant) : input.confirm
    if (asking && name === undefined) {
      return yield* new Failure({ exit: EXIT.interrupted, code: "Interrupted", what: "Nothing was removed." })
    }
    if (name !== tenant) {
      return yield* new Failure({
        exit: EXIT.usage,
        code: "NotConfirmed",
        what:
          name === undefined
            ? "destroy: no terminal to ask on. Missing: --confirm TENANT."
            : `${JSON.stringify(name)} is not this tenant's name.`,
        now: "Nothing was removed.",
        tries: [{ command: `agent-sync destroy -e ${preset} --confirm ${tenant}` }]
      })
    }
    yield* signedIn(worker)
    // What a destroy that broke off has removed need not be there; what it left behind still goes.
    const isLeft = database?.id !== undefined || found.presets[preset]?.url !== undefined
    yield* step(
      `removing ${worker.name}`,
      wrangler(worker, ["delete", "--force"], "Nothing was removed.").pipe(
        Effect.as(true),
        Effect.catchIf(
          ({ code }) => code === "NoSuchWorker" && isLeft,
          () => Effect.succeed(false)
        )
      ),
      (removed) => `${worker.name} ${removed ? "removed, with all that it stored" : "was removed before"}`
    )
    if (database !== undefined) {
      yield* step(
        `removing the D1 database ${database.name}`,
        wrangler(
          worker,
          ["d1", "delete", database.name, "-y"],
          `${worker.name} is removed; the database is still there.`
        ).pipe(Effect.zipLeft(Effect.sync(() => rememberDatabase(worker, undefined)))),
        () => `D1 database ${database.name} removed`
      )
    }
    yield* Effect.try({
      try: () => rememberUrl(file ?? "", preset, undefined),
      catch: (error) =>
        new Failure({
          exit: EXIT.failure,
          code: "CannotWrite",
          what: `The hub is removed, but ${file} could not be written: ${error instanceof Error ? error.message : String(error)}.`
        })
    })
    say("", `  ${stays}`, `  Another hub:  ${inThisFolder(`agent-sync deploy -e ${preset}`)}`)
    return EXIT.ok
  })

/** Asked again until it is the tenant's name; undefined where the person went away. */
const ask = (gone: ReadonlyArray<string>, tenant: string) =>
  Effect.promise(async () => {
    const clack = await import("@clack/prompts")
    const output = process.stderr
    clack.note(gone.join("\n"), "This removes", { output })
    const typed = await clack.text({
      message: `Type the tenant's name to go on: ${tenant}`,
      output,
      validate: (text) => (text === tenant ? undefined : "That is not this tenant's name. Ctrl-C removes nothing.")
    })
    return clack.isCancel(typed) ? undefined : typed
  })
