/**
 * Puts the Worker onto the user's Cloudflare: looks first, says what will happen, uploads code and secret together, and then
 * proves it from outside: the hub answers, an entry goes there sealed and comes back the same. Whatever fails says what is true now.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { mintToken } from "agent-sync"
import { proveRoundTrip } from "agent-sync/bun"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schedule from "effect/Schedule"
import manifest from "../../../../package.json" with { type: "json" }
import { inThisFolder } from "../../again.ts"
import { type Flags, hubUrl, type Settings, settings } from "../../Config.ts"
import { EXIT, Failure } from "../../Failure.ts"
import { askHub, healthOf, told } from "../../hubApi.ts"
import { authSecret } from "../../Keys.ts"
import { paintFor, shortPath } from "../../paint.ts"
import { say, step } from "../../steps.ts"
import { grouped } from "../../Terminal.ts"
import { fit } from "../../wrap.ts"
import { type Missing, rememberDatabase, rememberUrl, type Worker, workerOf } from "./Worker.ts"
import { NOTHING, signedIn, wrangler } from "./wrangler.ts"

export interface DeployInput extends Flags {
  readonly dryRun: boolean
  readonly rollback: boolean
}

/** A new workers.dev name takes its time to be known: milliseconds between looks, and looks. */
const HEALTH_EVERY_MS = 1_000
const HEALTH_TRIES = 60
/** Seconds that the tokens of the proof are good. */
const PROOF_SECONDS = 300

export const run = (input: DeployInput) =>
  Effect.gen(function* () {
    // The preset to deploy is prod where none is said: dev is the hub on this machine.
    const { url: address, ...flags } = input
    const found = yield* settings(
      { ...flags, env: input.env ?? process.env.AGENT_SYNC_ENV ?? "prod" },
      { env: { ...process.env, AGENT_SYNC_URL: undefined, AGENT_SYNC_TOKEN: undefined }, cwd: process.cwd() }
    )
    const preset = found.preset ?? "prod"
    /** There is no version to go back to. */
    const isFirst = found.presets[preset]?.url === undefined
    const worker = yield* workerOf(found, process.cwd(), preset)
    const secret = authSecret(found.files)
    const missing: ReadonlyArray<Missing> = [
      ...worker.missing,
      ...(secret === undefined
        ? [
            {
              what: `the auth secret of tenant ${found.tenant} is not on this machine`,
              fix: "deploy where agent-sync init was run, or agent-sync init --no-worker here for a tenant of its own"
            }
          ]
        : [])
    ]
    if (input.dryRun) return yield* dryRun(worker, found, missing)
    const [first, ...more] = missing
    if (first !== undefined || secret === undefined) {
      return yield* new Failure({
        exit: EXIT.failure,
        code: "NotReady",
        what: `Not ready to deploy: ${first?.what ?? "something is missing"}${more.length === 0 ? "" : `, and ${more.length} more`}.`,
        now: NOTHING,
        tries: [
          ...missing.map(({ fix, what }) => ({ command: fix, why: what })),
          { command: "agent-sync deploy --dry-run", why: "shows all of it" }
        ]
      })
    }
    const account = yield* signedIn(worker)
    if (input.rollback) return yield* rollback(worker, found, secret)

    say(
      `\n  ${worker.name} to account ${account.name} (${account.id.slice(0, 4)}…), storage ${storageName(worker.storage)}, 1 secret\n`
    )
    yield* viewer(worker)
    yield* step(
      "bundling the Worker",
      bundled(worker),
      (bytes) => `Worker bundled, ${Math.round(bytes / 1000)} kB gzip`,
      "the Worker does not bundle"
    )
    if (worker.database !== undefined && worker.database.id === undefined) yield* database(worker, worker.database.name)
    const { events } = yield* step(
      "uploading code and secret",
      wrangler(worker, ["deploy", ...said(worker)], "The upload did not go through: what ran before still runs.", {
        SYNC_AUTH_SECRET: new TextDecoder().decode(secret)
      }),
      () => "uploaded code and secret together",
      "upload refused"
    )
    const hub = yield* addressOf(address, found, worker, targetsOf(events))
    yield* prove(hub, found, secret, worker)
    yield* Effect.try({
      try: () => rememberUrl(found.file ?? "", preset, hub.origin),
      catch: (error) =>
        new Failure({
          exit: EXIT.failure,
          code: "CannotWrite",
          what: `The hub runs, but its address could not be written: ${error instanceof Error ? error.message : String(error)}.`,
          now: `Put "url": "${hub.origin}" into preset ${preset} yourself.`
        })
    })
    const paint = paintFor(process.stderr)
    say(
      `  ${paint.green("✓")} ${shortPath(found.file ?? "")}, preset ${preset}: ${hub.origin}`,
      "",
      `  Deployed.  Watch:  ${paint.cyan(inThisFolder(`agent-sync tail ${found.tenant} -e ${preset}`))}`,
      `             or:     ${paint.cyan(inThisFolder(`agent-sync viewer -e ${preset}`))}`,
      `             undo:   ${paint.cyan(inThisFolder(isFirst ? `agent-sync destroy -e ${preset}` : `agent-sync deploy --rollback -e ${preset}`))}`
    )
    return EXIT.ok
  })

/** What the preset decides, for wrangler's command line: nothing of it is secret. */
const said = ({ vars }: Worker) => Object.entries(vars).flatMap(([name, value]) => ["--var", `${name}:${value}`])

const limits = ({ vars }: Worker) =>
  Object.entries({ SYNC_RETENTION_DAYS: "days", SYNC_RETENTION_LOGS: "sessions", SYNC_RETENTION_BYTES: "bytes" })
    .flatMap(([name, unit]) => (vars[name] === undefined ? [] : [`${grouped(Number(vars[name]))} ${unit}`]))
    .join(", ")

const storageName = (storage: string) => (storage === "do" ? "Durable Object" : storage === "d1" ? "D1" : storage)

const dryRun = (worker: Worker, found: Settings, missing: ReadonlyArray<Missing>) =>
  Effect.gen(function* () {
    const size = worker.wrangler === undefined ? undefined : yield* Effect.either(bundled(worker))
    const all = [
      ...missing,
      ...(size !== undefined && Either.isLeft(size)
        ? [{ what: size.left.what, fix: size.left.tries?.[0]?.command ?? "agent-sync deploy --dry-run --verbose" }]
        : [])
    ]
    const { database } = worker
    const lines = [
      `would bundle ${shortPath(worker.folder)}${size !== undefined && Either.isRight(size) ? ` (${Math.round(size.right / 1000)} kB gzip)` : ""}`,
      ...(database !== undefined && database.id === undefined ? [`would make the D1 database ${database.name}`] : []),
      `would upload it as ${worker.name}, storage ${storageName(worker.storage)}, with the secret SYNC_AUTH_SECRET`,
      ...(limits(worker) === "" ? [] : [`would let the hub keep at most ${limits(worker)} of finished sessions`]),
      "would wait for /health and send one sealed entry there and back",
      `would write its address into ${shortPath(found.file ?? "agent-sync.json")}, preset ${found.preset}`,
      ...all.flatMap(({ fix, what }) => [`missing: ${what}`, `         ${fix}`]),
      "nothing was changed (--dry-run)"
    ]
    process.stdout.write(fit(`${lines.join("\n")}\n`, process.stdout))
    return EXIT.ok
  })

/** The page that the Worker serves beside the hub; a project that has no folder for it goes without. */
const viewer = ({ folder }: Worker) => {
  const place = join(folder, "viewer")
  if (!existsSync(place)) return Effect.void
  return step(
    "putting the viewer beside the Worker",
    Effect.tryPromise({
      try: async () => (await import("../viewer/page.ts")).writePage(place),
      catch: (error) =>
        new Failure({
          exit: EXIT.failure,
          code: "NoViewer",
          what: `The viewer could not be put into ${shortPath(place)}: ${error instanceof Error ? error.message : String(error)}.`,
          now: NOTHING
        })
    }),
    () => `viewer in ${shortPath(place)}`
  )
}

/** Bytes, compressed, of what would be uploaded. */
const bundled = (worker: Worker): Effect.Effect<number, Failure> =>
  Effect.acquireUseRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "agent-sync-bundle-"))),
    (folder) =>
      wrangler(worker, ["deploy", "--dry-run", "--outdir", folder, ...said(worker)], NOTHING).pipe(
        Effect.map(() =>
          readdirSync(folder)
            .filter((name) => !name.endsWith(".map") && name !== "README.md" && statSync(join(folder, name)).isFile())
            .reduce((sum, name) => sum + gzipSync(readFileSync(join(folder, name))).byteLength, 0)
        )
      ),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  )

/** Makes the database, or takes the one that has its name already. */
const database = (worker: Worker, name: string) =>
  step(
    `making the D1 database ${name}`,
    Effect.gen(function* () {
      const listed = yield* wrangler(worker, ["d1", "list", "--json"], NOTHING)
      const known = idOf(listed.stdout, name)
      if (known === undefined) yield* wrangler(worker, ["d1", "create", name], NOTHING)
      const id = known ?? idOf((yield* wrangler(worker, ["d1", "list", "--json"], NOTHING)).stdout, name)
      if (id === undefined) {
        return yield* new Failure({
          exit: EXIT.failure,
          code: "NoDatabase",
          what: `The D1 database ${name} was made, and is not in the account's list.`,
          now: "The Worker was not uploaded.",
          tries: [{ command: "agent-sync deploy", why: "again: it takes the database that is there" }]
        })
      }
      rememberDatabase(worker, id)
      return known === undefined
    }),
    (made) => `D1 database ${name} ${made ? "made" : "was there"}, named in ${shortPath(worker.file)}`
  )

const idOf = (json: string, name: string): string | undefined => {
  const listed = Either.getOrUndefined(Either.try((): unknown => JSON.parse(json)))
  const found: unknown = Array.isArray(listed) ? listed.find((one: unknown) => told(one, "name") === name) : undefined
  return told(found, "uuid")
}

/** Addresses that wrangler says the Worker has. */
const targetsOf = (events: ReadonlyArray<unknown>): ReadonlyArray<string> =>
  events.flatMap((event) => {
    const targets: unknown = typeof event === "object" && event !== null ? Reflect.get(event, "targets") : undefined
    return Array.isArray(targets)
      ? targets.filter((one): one is string => typeof one === "string" && URL.canParse(one))
      : []
  })

/** What was said, else what the preset has, else what wrangler tells. */
const addressOf = (
  said: string | undefined,
  found: Settings,
  { name }: Worker,
  targets: ReadonlyArray<string>
): Effect.Effect<URL, Failure> =>
  Effect.gen(function* () {
    const kept = found.preset === undefined ? undefined : found.presets[found.preset]?.url
    const address = said ?? kept ?? targets[0]
    if (address === undefined) {
      return yield* new Failure({
        exit: EXIT.failure,
        code: "NoAddress",
        what: `${name} is uploaded and runs, but has no address: workers.dev is switched off, and no route is configured.`,
        now: "Its address was not written into agent-sync.json.",
        tries: [{ command: "agent-sync deploy --url https://sync.example.com", why: "the domain it answers on" }]
      })
    }
    return new URL((yield* hubUrl(address, found.tenant)).replace(/^ws/, "http"))
  })

const prove = (hub: URL, found: Settings, secret: Uint8Array, worker: Worker) =>
  Effect.gen(function* () {
    const after = (failure: Failure) =>
      new Failure({
        ...failure,
        now: `The new version of ${worker.name} is uploaded and runs; its address was not written. ${failure.now ?? ""}`.trim(),
        tries: [
          {
            command: `agent-sync deploy -e ${worker.environment}`,
            why: "again: it changes nothing that is right already"
          },
          { command: `agent-sync deploy --rollback -e ${worker.environment}`, why: "back to the version before" }
        ]
      })
    const healthy = healthOf(hub).pipe(
      Effect.filterOrFail(
        ({ version }) => version !== undefined,
        () =>
          new Failure({
            exit: EXIT.failure,
            code: "NotAHub",
            what: `Something answers at ${hub.host}, and it is no agent-sync hub.`
          })
      ),
      Effect.retry(Schedule.spaced(HEALTH_EVERY_MS).pipe(Schedule.intersect(Schedule.recurs(HEALTH_TRIES)))),
      Effect.mapError(after)
    )
    yield* step(
      `waiting for ${hub.origin}/health`,
      healthy,
      ({ version }) =>
        `${hub.origin}/health answers, version ${version}${version === manifest.version ? "" : ` (this is ${manifest.version})`}`,
      `${hub.origin}/health does not answer`
    )
    const { tenant } = found
    const token = (role: "read" | "write" | "admin") =>
      mintToken(secret, { tenant, roles: role === "admin" ? ["admin"] : ["read", "write"] }, PROOF_SECONDS)
    const url = hub.href.replace(/^http/, "ws")
    const thereAndBack = Effect.gen(function* () {
      const proof = yield* Effect.promise(async () => proveRoundTrip({ url, token: await token("write") }))
      if (Either.isLeft(proof)) {
        const { reason, what } = proof.left
        return yield* new Failure({
          exit: reason === "refused" ? EXIT.refused : reason === "unreachable" ? EXIT.unreachable : EXIT.failure,
          code: "NoRoundTrip",
          what: `The hub answers, but an entry did not come back: ${what}`
        })
      }
      yield* askHub(
        { ...found, url, token },
        { role: "admin", method: "DELETE", path: `logs/${encodeURIComponent(proof.right.log)}` }
      )
    })
    yield* step(
      "sending one sealed entry there and back",
      Effect.mapError(thereAndBack, after),
      () => "round trip: sealed, written, read back, opened, deleted",
      "the round trip failed"
    )
  })

const rollback = (worker: Worker, found: Settings, secret: Uint8Array) =>
  Effect.gen(function* () {
    yield* step(
      `rolling ${worker.name} back`,
      wrangler(worker, ["rollback", "-y", "-m", "agent-sync deploy --rollback"], "What ran before still runs."),
      () => `${worker.name} runs the version before; its data is as it was`,
      "not rolled back"
    )
    const address = found.preset === undefined ? undefined : found.presets[found.preset]?.url
    if (address !== undefined) {
      yield* prove(new URL((yield* hubUrl(address, found.tenant)).replace(/^ws/, "http")), found, secret, worker)
    }
    const forward = inThisFolder(`agent-sync deploy -e ${worker.environment}`)
    say("", `  Rolled back.  Forward again:  ${paintFor(process.stderr).cyan(forward)}`)
    return EXIT.ok
  })
