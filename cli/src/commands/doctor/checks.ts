/** What `doctor` looks at. Each check is total: it answers findings, also where it could not look. */
import { readdirSync, readFileSync, statSync } from "node:fs"
import { dirname } from "node:path"
import { quoted } from "agent-sync"
import { inspectJournal } from "agent-sync/bun"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { decodeJwt } from "jose/jwt/decode"
import manifest from "../../../../package.json" with { type: "json" }
import { agentsHere } from "../../agentsHere.ts"
import { journalFile, ROLES, type Settings } from "../../Config.ts"
import { healthOf, hubOf, told } from "../../hubApi.ts"
import { AGAIN, lostAt } from "../../lost.ts"
import { shortPath } from "../../paint.ts"
import { behind, readIndex } from "../../TenantIndex.ts"
import { bytes, grouped, plural } from "../../Terminal.ts"
import { relative } from "../../table.ts"
import { workerOf } from "../deploy/Worker.ts"
import { error, type Finding, failed, ok, warning } from "./Finding.ts"

type Check = (found: Settings) => Effect.Effect<ReadonlyArray<Finding>>

/** The Bun that the package is built and tested with; older ones lack what it uses. */
const BUN = "1.3.0"
const WEEK_MS = 604_800_000
/** Milliseconds by which two clocks may differ unnoticed, and from which tokens are refused or times are wrong. */
const SKEW_MS = { warning: 5_000, error: 60_000 }

export const runtime = (version = Bun.version): ReadonlyArray<Finding> => [
  Bun.semver.order(version, BUN) < 0
    ? error("Bun", `${version}; agent-sync needs ${BUN} or later`, "bun upgrade")
    : ok("Bun", `${version}, agent-sync ${manifest.version}`)
]

export const config: Check = (found) =>
  Effect.sync(() => {
    const { file, folders, origins, preset, tenant } = found
    const by = origins.find(({ name }) => name === "preset")?.origin ?? ""
    const about = `tenant ${tenant}${preset === undefined ? "" : `, preset ${preset} from ${by}`}`
    const keys = looseFiles(found)
    return [
      file === undefined
        ? warning("config", `no agent-sync.json from ${shortPath(process.cwd())} upwards; ${about}`, "agent-sync init")
        : ok("config", `${shortPath(file)}, ${about}`),
      ...(keys.length === 0
        ? []
        : [
            error(
              "keys folder",
              `${keys.join(", ")} can be read by other users`,
              `chmod 600 ${folders.keys}/${tenant}/*`
            )
          ])
    ]
  })

/** Files of the keys folder that others may read. */
const looseFiles = ({ files }: Settings): ReadonlyArray<string> => {
  try {
    return readdirSync(files.folder).filter((name) => (statSync(`${files.folder}/${name}`).mode & 0o077) !== 0)
  } catch {
    return []
  }
}

/** Reached, of which version, with which clock, and whether it takes the token. */
export const hub: Check = (found) =>
  Effect.gen(function* () {
    const { preset, presets, tenant, url } = found
    if (url === undefined) {
      return [
        warning(
          "hub",
          `none is configured${preset === undefined ? "" : ` in preset ${preset}`}; sessions stay on this machine`,
          "agent-sync deploy, or agent-sync dev"
        )
      ]
    }
    const address = yield* Effect.orDie(hubOf(found))
    const health = yield* Effect.either(healthOf(address))
    if (Either.isLeft(health)) {
      const local = /^(localhost|127\.|\[::1)/.test(address.host)
      const why = health.left.now?.split(". ")[0] ?? ""
      return [
        {
          ...failed("hub", health.left),
          finding: `${health.left.what} ${why}.`,
          fix: local ? "agent-sync dev" : "agent-sync config list --show-origin"
        }
      ]
    }
    const { date, ms, version } = health.right
    if (version === undefined)
      return [error("hub", `${address.host} is no agent-sync hub`, "agent-sync config list --show-origin")]
    const skew = date === null ? undefined : Math.abs(Date.parse(date) - Date.now())
    return [
      version === manifest.version
        ? ok("hub", `${address.host}, ${version}, ${Math.round(ms)} ms`)
        : warning(
            "hub",
            `${address.host} runs ${version}, this is ${manifest.version}`,
            preset !== undefined && presets[preset]?.provider === "bun"
              ? "agent-sync dev  (in place of the one that runs)"
              : `agent-sync deploy${preset === undefined ? "" : ` -e ${preset}`}`
          ),
      ...(skew === undefined || Number.isNaN(skew)
        ? []
        : [
            skew > SKEW_MS.error
              ? error(
                  "clock",
                  `${Math.round(skew / 1000)} s from the hub: tokens may be refused, times are wrong`,
                  "set this machine's clock (timedatectl set-ntp true)"
                )
              : skew > SKEW_MS.warning
                ? warning("clock", `${Math.round(skew / 1000)} s from the hub`, "timedatectl set-ntp true")
                : // The header counts whole seconds.
                  ok("clock", `with the hub's, to ${Math.max(1, Math.round(skew / 1000))} s`)
          ]),
      ...(yield* token(found, address, tenant))
    ]
  })

const token = ({ origins, token }: Settings, address: URL, tenant: string) =>
  Effect.gen(function* () {
    const text = yield* Effect.promise(() => token("read"))
    if (text === undefined) {
      return [
        error(
          "token",
          "none: the hub lets nobody in without",
          "AGENT_SYNC_TOKEN=…  (agent-sync token create, where the hub was set up)"
        )
      ]
    }
    const claims = Either.getOrUndefined(Either.try(() => decodeJwt(text)))
    // A token is somebody else's word too: what it says may come to stand in a command.
    const claimed: unknown = claims?.roles
    const roles = Array.isArray(claimed) ? ROLES.filter((role) => claimed.includes(role)).join(", ") : "shared"
    const answer = yield* Effect.promise(() =>
      fetch(address, { headers: { authorization: `Bearer ${text}` }, signal: AbortSignal.timeout(10_000) })
        .then(async (response) => ({ status: response.status, body: await response.json().catch(() => undefined) }))
        .catch(() => undefined)
    )
    // 426 is the hub's way to say that the token is good and a socket is wanted.
    if (answer !== undefined && answer.status !== 426) {
      const words = told(answer.body, "error")
      const said = words === undefined ? `it answered ${answer.status}` : quoted(words)
      return [
        error(
          "token",
          `the hub refuses it: ${said}`,
          `agent-sync token create --role ${roles === "shared" ? "read" : roles.replaceAll(" ", "")}`
        )
      ]
    }
    const from = origins.find(({ name }) => name === "token")
    if (from?.value === "made when needed")
      return [ok("token", `made when needed, from this machine's auth secret, for tenant ${tenant}`)]
    const exp = claims?.exp === undefined ? undefined : claims.exp * 1000
    if (exp !== undefined && exp - Date.now() < WEEK_MS) {
      return [
        warning(
          "token",
          `${roles}, expires ${relative(exp, Date.now())}`,
          `agent-sync token create --role ${roles.replaceAll(" ", "")} --ttl 90d`
        )
      ]
    }
    return [ok("token", `${roles}, ${exp === undefined ? "never expires" : `expires ${relative(exp, Date.now())}`}`)]
  })

export const key: Check = (found) =>
  Effect.gen(function* () {
    const { key, tenant, url } = found
    if (key === undefined)
      return [
        error(
          "key",
          `this machine has none for tenant ${tenant}`,
          "agent-sync identity import, or agent-sync init for a new tenant"
        )
      ]
    if (key.kind === "recorder") return [ok("key", "recorder key: records, and cannot read back")]
    if (url === undefined) return [ok("key", "reader key")]
    const index = yield* Effect.either(readIndex(found, url, key))
    if (Either.isLeft(index)) {
      // What the hub's own line says need not be said again.
      return index.left.code === "WrongKey"
        ? [failed("key", index.left)]
        : [ok("key", "reader key; not tried, the hub was not read")]
    }
    const { notices, sessions } = index.right
    const newest = sessions.toSorted((a, b) => a.told - b.told).at(-1)
    const opened =
      newest === undefined
        ? "reader key; nothing is recorded yet"
        : `opens ${plural(sessions.length, "session")}, the newest told ${relative(newest.told, Date.now())}${newest.origin.host === undefined ? "" : ` on ${newest.origin.host}`}`
    const late = behind(index.right)
    if (late.length > 0) {
      return [
        warning(
          "key",
          `${opened}; ${late.join(", ")} still ${late.length === 1 ? "records" : "record"} under the key of before`,
          "agent-sync identity export --recorder  (and set it there as AGENT_SYNC_KEY)"
        )
      ]
    }
    return notices.length === 0
      ? [ok("key", opened)]
      : [
          warning(
            "key",
            `${opened}; ${plural(notices.length, "entry", "entries")} of the index ${notices.length === 1 ? "is" : "are"} missing or cannot be opened`,
            "agent-sync tail  (names them)"
          )
        ]
  })

export const journal: Check = (found) =>
  Effect.sync(() => {
    const { url } = found
    const file = journalFile(found)
    const summary = inspectJournal(file, url === undefined ? [] : [url])
    if (Either.isLeft(summary))
      return [
        error(
          "journal",
          summary.left.message,
          `mv ${file} ${file}.broken  (a new one is begun; the hub keeps what it has)`
        )
      ]
    if (summary.right === undefined) return [ok("journal", "none yet: nothing was recorded here")]
    const { bytes: size, damage, entries, waiting } = summary.right
    if (damage !== undefined)
      return [
        error(
          "journal",
          `${file} is damaged: ${damage}`,
          `mv ${file} ${file}.broken  (a new one is begun; the hub keeps what it has)`
        )
      ]
    const owed = waiting[0]?.entries ?? 0
    const about = `${bytes(size)}, healthy, ${plural(entries, "entry", "entries")}`
    return [
      owed === 0
        ? ok("journal", `${about}, none waiting`)
        : warning(
            "journal",
            `${about}; ${grouped(owed)} wait for the hub`,
            "agent-sync up  (or the next run sends them)"
          )
    ]
  })

/** The hub still has what was sent to it. Where it cannot be asked, its own line says so. */
export const delivered: Check = (found) =>
  Effect.gen(function* () {
    const { url } = found
    const lost = url === undefined ? undefined : yield* Effect.promise(() => lostAt(found, url))
    return lost === undefined ? [] : [error("sent", `the hub has lost sessions: ${lost}`, AGAIN)]
  })

/** The Worker's folder, where a preset is for Cloudflare and there is one. */
export const worker: Check = (settings) =>
  Effect.sync(() => {
    const { file, preset, presets } = settings
    if (file === undefined || preset === undefined || presets[preset]?.provider !== "cloudflare") return []
    const found = workerOf(settings, dirname(file), preset)
    if (Either.isLeft(found)) return [failed("Worker", found.left)]
    const { missing, name } = found.right
    return missing.length === 0
      ? [ok("Worker", `${name}, bindings complete, wrangler installed`)]
      : missing.map(({ fix, what }) => warning("Worker", what, fix))
  })

export const agents: Check = ({ env }) =>
  Effect.sync(() =>
    agentsHere(env, Date.now()).map(({ goSoon, keepsDays, name, sessions }) =>
      goSoon > 0
        ? warning(
            name,
            `keeps ${keepsDays} days: ${goSoon} of ${plural(sessions, "session")} will be deleted within a week`,
            "agent-sync import --all"
          )
        : ok(name, `${plural(sessions, "session")} here${keepsDays === undefined ? "" : `, kept ${keepsDays} days`}`)
    )
  )

/** Programs of a development hub whose parent is gone: they hold its port and burn time. Linux tells; elsewhere nothing is said. */
export const orphans: Check = () =>
  Effect.sync(() => {
    const lost = orphansIn(processes())
    return lost.length === 0
      ? []
      : [
          warning(
            "orphans",
            `${plural(lost.length, "workerd process", "workerd processes")} without a parent`,
            `kill ${lost.map(({ id }) => id).join(" ")}`
          )
        ]
  })

interface Process {
  readonly id: number
  readonly name: string
  readonly parent: number
}

/** What lost its parent is given to the first process, or on a desktop to the user's own systemd. */
export const orphansIn = (all: ReadonlyArray<Process>): ReadonlyArray<Process> => {
  const heirs = new Set([1, ...all.flatMap(({ id, name }) => (name === "systemd" ? [id] : []))])
  return all.filter(({ name, parent }) => name === "workerd" && heirs.has(parent))
}

/** Those that run, where `/proc` tells; no zombies. */
export const processes = (): ReadonlyArray<Process> => {
  try {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .flatMap((id) => {
        try {
          // `id (name) state parent …`; the name may hold anything, and a Z has ended already.
          const [, name, parent] = /^\d+ \((.*)\) [^Z] (\d+) /s.exec(readFileSync(`/proc/${id}/stat`, "utf8")) ?? []
          return name === undefined ? [] : [{ id: Number(id), name, parent: Number(parent) }]
        } catch {
          return []
        }
      })
  } catch {
    return []
  }
}
