/** The grammar of `init`. What it does is in `run.ts`, loaded when it is called. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Option from "effect/Option"
import { loaded } from "../../loaded.ts"

const dir = Args.text({ name: "dir" }).pipe(Args.withDescription("The folder to set up; this one"), Args.optional)
const yes = Options.boolean("yes").pipe(Options.withAlias("y"), Options.withDescription("Ask nothing"))
const tenant = Options.text("tenant").pipe(
  Options.withDescription("Whose sessions these are, part of the address; the folder's name where it is not given"),
  Options.optional
)
const name = Options.text("name").pipe(
  Options.withDescription("What the Worker is called on Cloudflare; TENANT-sync where it is not given"),
  Options.optional
)
const storage = Options.choice("storage", ["do", "d1"]).pipe(
  Options.withDescription("Where the Worker keeps entries: its Durable Object's SQLite (do), or D1"),
  Options.optional
)
const noWorker = Options.boolean("no-worker").pipe(
  Options.withDescription("Keys and agent-sync.json, no Worker folder")
)
const local = Options.boolean("local").pipe(
  Options.withDescription("For the hub on this machine (agent-sync dev) alone; no account needed")
)
const force = Options.boolean("force").pipe(Options.withDescription("Overwrite files; keys are never overwritten"))
const dryRun = Options.boolean("dry-run").pipe(Options.withDescription("Say what would be written, and write nothing"))

export const init = Command.make(
  "init",
  { dir, yes, tenant, name, storage, noWorker, local, force, dryRun },
  ({ dryRun, force, local, noWorker, yes, ...given }) =>
    loaded(() => import("./run.ts"), {
      dir: Option.getOrUndefined(given.dir),
      tenant: Option.getOrUndefined(given.tenant),
      name: Option.getOrUndefined(given.name),
      storage: Option.getOrUndefined(given.storage),
      worker: !noWorker && !local,
      local,
      yes,
      force,
      dryRun
    })
).pipe(Command.withDescription("Set up a folder: a tenant's keys, agent-sync.json, and a Worker of your own"))
