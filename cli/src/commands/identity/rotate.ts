/**
 * Changes the tenant's keys: a new pair and a new index, whose first entry holds the old reader key, so that who has the new
 * one reads all. The hubs are told first; only then the new keys take the place of the old, which are kept beside them.
 */
import { tellRotation } from "agent-sync/bun"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { type Flags, isLoopback, noKey, type Settings, settings } from "../../Config.ts"
import { EXIT, Failure } from "../../Failure.ts"
import { canAsk } from "../../globals.ts"
import { forgetNextKey, nextKey, replaceKey } from "../../Keys.ts"
import { paintFor, shortPath } from "../../paint.ts"
import { say } from "../../steps.ts"
import { readIndex } from "../../TenantIndex.ts"

export const rotate = (input: Flags & { readonly yes: boolean; readonly json: boolean }) =>
  Effect.gen(function* () {
    const where = { env: process.env, cwd: process.cwd() }
    const found = yield* settings(input, where)
    const { files, key, tenant } = found
    if (key === undefined) return yield* noKey(found)
    if (key.kind !== "reader") {
      return yield* new Failure({
        exit: EXIT.unopened,
        code: "CannotRead",
        what: `This machine has only the recorder key of tenant ${tenant}: keys are changed where the reader key is.`,
        now: "Nothing was changed."
      })
    }
    const from = found.origins.find(({ name }) => name === "key")?.origin
    if (from !== files.folder && from !== files.reader) {
      return yield* new Failure({
        exit: EXIT.usage,
        code: "KeyElsewhere",
        what: `The reader key comes from ${from}, so it cannot be replaced here.`,
        now: "Nothing was changed.",
        tries: [{ command: "agent-sync identity import", why: "keeps it in the keys folder; then rotate" }]
      })
    }
    const hubs = yield* hubsOf(input, found)
    if (!input.yes) yield* confirm(tenant)
    const after = yield* nextKey(files)
    const told: Array<string> = []
    for (const hub of hubs) {
      const { host } = new URL(hub.url)
      const token = yield* Effect.promise(() => hub.found.token("write"))
      const answer = yield* Effect.promise(() => tellRotation({ url: hub.url, token }, { before: key, after }))
      if (Either.isRight(answer)) {
        told.push(host)
        continue
      }
      // A development hub that is not running is told when it is: by rotating again with its preset.
      if (answer.left.reason === "unreachable" && isLoopback(hub.url) && hubs.length > 1) {
        say(`  ! ${host} is not running and was not told: what it holds is read with the old key.`)
        continue
      }
      return yield* new Failure({
        exit: answer.left.reason === "refused" ? EXIT.refused : EXIT.unreachable,
        code: "NotTold",
        what: `The hub at ${host} could not be told of the new key: ${answer.left.what}`,
        now: "The keys are as they were. Run it again: it goes on with the same new key.",
        tries: [{ command: "agent-sync doctor" }]
      })
    }
    const wrote = yield* replaceKey(files, after, true)
    yield* forgetNextKey(files)
    const machines = yield* machinesOf(input)
    if (input.json) {
      process.stdout.write(`${JSON.stringify({ schema: 1, tenant, hubs: told, wrote, machines })}\n`)
      return EXIT.ok
    }
    const { green } = paintFor(process.stderr)
    say(
      `  ${green("✓")} new keys for tenant ${tenant}, told to ${told.length === 0 ? "no hub" : told.join(", ")}`,
      ...wrote.map((file) => `    ${shortPath(file)}`),
      "",
      "  What was recorded stays readable with the new key; the old ones are kept beside it.",
      "  Keep a copy:  agent-sync identity words --reveal",
      ...(machines.length === 0
        ? []
        : [
            "",
            `  Recorded so far: ${machines.join(", ")}.  All but this machine are still with the old key.`,
            "  Give each the new one:  agent-sync identity export --recorder",
            "  Where people watch:     agent-sync identity words --reveal, and identity import --force there"
          ])
    )
    return EXIT.ok
  })

interface Hub {
  readonly url: string
  readonly found: Settings
}

/** Every hub of this tenant in the config; the one that is named, where one is. */
const hubsOf = (input: Flags, found: Settings): Effect.Effect<ReadonlyArray<Hub>, Failure> =>
  Effect.gen(function* () {
    const where = { env: process.env, cwd: process.cwd() }
    const one = input.env ?? input.url ?? process.env.AGENT_SYNC_URL
    const names = one === undefined ? Object.keys(found.presets) : []
    const each =
      names.length === 0 ? [found] : yield* Effect.all(names.map((env) => settings({ ...input, env }, where)))
    const hubs = each.flatMap(
      (one): ReadonlyArray<Hub> =>
        one.url === undefined || one.tenant !== found.tenant ? [] : [{ url: one.url, found: one }]
    )
    return [...new Map(hubs.map((hub) => [hub.url, hub])).values()]
  })

/** Who has recorded so far beside this machine, as far as the hub tells. */
const machinesOf = (input: Flags) =>
  Effect.gen(function* () {
    const found = yield* settings(input, { env: process.env, cwd: process.cwd() })
    if (found.url === undefined || found.key?.kind !== "reader") return []
    const index = yield* Effect.either(readIndex(found, found.url, found.key))
    if (Either.isLeft(index)) return []
    return [...new Set(index.right.sessions.flatMap(({ origin }) => (origin.host === undefined ? [] : [origin.host])))]
  })

const confirm = (tenant: string) =>
  Effect.gen(function* () {
    if (!canAsk()) {
      return yield* new Failure({
        exit: EXIT.usage,
        code: "NotConfirmed",
        what: "identity rotate: no terminal to ask on. Missing: --yes.",
        now: "Nothing was changed."
      })
    }
    const clack = yield* Effect.promise(() => import("@clack/prompts"))
    const sure = yield* Effect.promise(() =>
      clack.confirm({
        message: `New keys for tenant ${tenant}? Every machine needs them afterwards.`,
        initialValue: false,
        output: process.stderr
      })
    )
    if (sure !== true) {
      return yield* new Failure({ exit: EXIT.interrupted, code: "Interrupted", what: "Nothing was changed." })
    }
  })
