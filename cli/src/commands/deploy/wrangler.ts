/**
 * wrangler as a program of the Worker's folder, run under Bun, with nothing that asks, counts or phones home; and its
 * failures as sentences with cause and fix. What it printed is kept back, and shown where that is all there is to go by.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { EXIT, Failure, type Try } from "../../Failure.ts"
import { globals } from "../../globals.ts"
import { told } from "../../hubApi.ts"
import { step } from "../../steps.ts"
import { clean } from "../../Terminal.ts"
import type { Worker } from "./Worker.ts"

export interface Output {
  readonly stdout: string
  /** What it wrote for programs: one object for each thing it did. */
  readonly events: ReadonlyArray<unknown>
}

/** Lines of its output that are shown when it failed for a reason we do not know. */
const LAST_LINES = 20

/**
 * Runs it. `nowTrue` says what is so if it fails here. `secrets` travel in a file that only this user can read, never in the
 * arguments, and the file is gone when wrangler has ended.
 */
export const wrangler = (
  worker: Worker,
  args: ReadonlyArray<string>,
  nowTrue: string,
  secrets?: Readonly<Record<string, string>>
): Effect.Effect<Output, Failure> =>
  Effect.acquireUseRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "agent-sync-"))),
    (folder) =>
      Effect.gen(function* () {
        const events = join(folder, "events.ndjson")
        const secretsFile = join(folder, "secrets.json")
        if (secrets !== undefined) writeFileSync(secretsFile, JSON.stringify(secrets), { mode: 0o600 })
        const given = secrets === undefined ? args : [...args, "--secrets-file", secretsFile]
        const { code, stderr, stdout } = yield* Effect.promise(() => spawn(worker, given, events))
        if (globals.verbose) process.stderr.write(clean(`${stdout}${stderr}`))
        if (code !== 0) return yield* explain(worker, `${stdout}\n${stderr}`, nowTrue)
        return { stdout, events: lines(events) }
      }),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  )

const spawn = async (
  { environment, folder, wrangler: program }: Worker,
  args: ReadonlyArray<string>,
  events: string
) => {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith("AGENT_SYNC_"))
  const child = Bun.spawn(
    [
      process.execPath,
      "--bun",
      program ?? "wrangler",
      ...args,
      ...(args[0] === "whoami" || args[0] === "d1" ? [] : ["--env", environment])
    ],
    {
      cwd: folder,
      env: {
        ...Object.fromEntries(own),
        // It asks no question, counts nobody, writes no log and looks for no newer self.
        CI: "1",
        NO_COLOR: "1",
        FORCE_COLOR: "0",
        WRANGLER_SEND_METRICS: "false",
        WRANGLER_SEND_ERROR_REPORTS: "false",
        WRANGLER_HIDE_BANNER: "true",
        WRANGLER_WRITE_LOGS: "false",
        CLOUDFLARE_CF_FETCH_ENABLED: "false",
        WRANGLER_OUTPUT_FILE_PATH: events
      },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe"
    }
  )
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited
  ])
  return { stdout, stderr, code }
}

const lines = (file: string): ReadonlyArray<unknown> => {
  try {
    return readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line): unknown => JSON.parse(line))
  } catch {
    return []
  }
}

export interface Account {
  readonly id: string
  readonly name: string
}

/** The account that will be used: the one that is named, or the only one. */
const accountOf = (worker: Worker): Effect.Effect<Account, Failure> =>
  Effect.gen(function* () {
    const { stdout } = yield* wrangler(worker, ["whoami", "--json"], NOTHING)
    const answer: unknown = yield* Effect.try({
      try: (): unknown => JSON.parse(stdout),
      catch: () => notSignedIn
    })
    const listed: unknown = typeof answer === "object" && answer !== null ? Reflect.get(answer, "accounts") : undefined
    const accounts = (Array.isArray(listed) ? listed : []).flatMap((one: unknown): ReadonlyArray<Account> => {
      const [id, name] = [told(one, "id"), told(one, "name")]
      return id === undefined ? [] : [{ id, name: name ?? id }]
    })
    const named = process.env.CLOUDFLARE_ACCOUNT_ID || worker.accountId
    if (accounts.length === 0) return yield* notSignedIn
    const chosen = named === undefined ? accounts[0] : accounts.find(({ id }) => id === named)
    if (chosen === undefined) {
      return yield* new Failure({
        exit: EXIT.refused,
        code: "WrongAccount",
        what: `Who is signed in has no account ${named}.`,
        now: NOTHING,
        tries: accounts.map(({ id, name }) => ({ command: `CLOUDFLARE_ACCOUNT_ID=${id}`, why: name }))
      })
    }
    if (named === undefined && accounts.length > 1) {
      return yield* new Failure({
        exit: EXIT.usage,
        code: "WhichAccount",
        what: `Who is signed in has ${accounts.length} Cloudflare accounts; say which one.`,
        now: NOTHING,
        tries: accounts.map(({ id, name }) => ({ command: `CLOUDFLARE_ACCOUNT_ID=${id}`, why: name }))
      })
    }
    return chosen
  })

/** The same, as the step that comes first. */
export const signedIn = (worker: Worker): Effect.Effect<Account, Failure> =>
  step(
    "asking Cloudflare who is signed in",
    accountOf(worker),
    ({ id, name }) => `account ${name} (${id.slice(0, 4)}…)`,
    "nobody may deploy from here"
  )

export const NOTHING = "Nothing was changed on Cloudflare."

const SIGN_IN: ReadonlyArray<Try> = [
  { command: "(cd worker && bunx wrangler login)", why: "sign in in the browser" },
  { command: "CLOUDFLARE_API_TOKEN=… agent-sync deploy", why: "a token with “Workers Scripts: Edit”, for CI" }
]

const notSignedIn = new Failure({
  exit: EXIT.refused,
  code: "NotSignedIn",
  what: "Nobody is signed in to Cloudflare here.",
  now: NOTHING,
  tries: SIGN_IN
})

interface Known {
  readonly found: RegExp
  readonly code: string
  readonly exit: number
  /** `code` is Cloudflare's own, where it told one. */
  readonly what: (worker: Worker, found: RegExpExecArray, code: string | undefined) => string
  readonly tries: ReadonlyArray<Try>
}

/** What wrangler and the API say, and what it means. Codes are Cloudflare's. */
const KNOWN: ReadonlyArray<Known> = [
  {
    found:
      /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ConnectionRefused|fetch failed|Unable to connect|network connection was lost/i,
    code: "NoNetwork",
    exit: EXIT.unreachable,
    what: () => "Cloudflare cannot be reached from here.",
    tries: [{ command: "agent-sync deploy", why: "again, when there is a network; a proxy goes in HTTPS_PROXY" }]
  },
  {
    found: /code: (10000|9109|10001|6003)\b|Authentication error|Invalid access token/i,
    code: "NotAllowed",
    exit: EXIT.refused,
    what: (_, __, code) =>
      `Cloudflare refused: the token is wrong, or may not edit Workers in this account${code === undefined ? "" : ` (code ${code})`}.`,
    tries: SIGN_IN
  },
  {
    found: /not logged in|not authenticated|"loggedIn":\s*false|CLOUDFLARE_API_TOKEN environment variable/i,
    code: "NotSignedIn",
    exit: EXIT.refused,
    what: () => "Nobody is signed in to Cloudflare here.",
    tries: SIGN_IN
  },
  {
    found: /code: (10007|10090)\b/,
    code: "NoSuchWorker",
    exit: EXIT.failure,
    what: ({ name }) => `There is no Worker ${name} in this account.`,
    tries: [{ command: "agent-sync deploy", why: "makes it" }]
  },
  {
    found: /code: (10063)\b|workers\.dev subdomain/i,
    code: "NoSubdomain",
    exit: EXIT.failure,
    what: () => "This account has no workers.dev subdomain yet.",
    tries: [
      {
        command: "https://dash.cloudflare.com/?to=/:account/workers/onboarding",
        why: "takes one, once; then deploy again"
      }
    ]
  },
  {
    found: /code: (10079|10074|10061)\b/,
    code: "Migration",
    exit: EXIT.failure,
    what: ({ file, name }) => `The migrations in ${file} do not follow from what runs as ${name}.`,
    tries: [{ command: "agent-sync deploy --dry-run", why: "shows what would be uploaded" }]
  },
  {
    found: /code: (10181)\b/,
    code: "NoSuchDatabase",
    exit: EXIT.failure,
    what: ({ environment, file }) => `The D1 database that env.${environment} of ${file} names is not in this account.`,
    tries: [{ command: "agent-sync deploy", why: "makes it, once its database_id is removed from that file" }]
  },
  {
    found: /Build failed|Could not resolve "([^"]+)"|\[ERROR\] (?:Expected|Unexpected|No matching export)/i,
    code: "BuildFailed",
    exit: EXIT.failure,
    what: ({ folder }, [, module]) =>
      `The Worker in ${folder} does not build${module === undefined ? "" : `: it imports ${module}, which is not there`}.`,
    tries: [{ command: "(cd worker && bun install)", why: "what it imports" }]
  },
  {
    found: /no .*version.* to roll|could not find .*version|There is no .*deployment|only one version/i,
    code: "NothingBefore",
    exit: EXIT.failure,
    what: ({ name }) => `${name} has no version before this one.`,
    tries: []
  }
]

const explain = (worker: Worker, printed: string, now: string): Failure => {
  const text = clean(printed)
  for (const { code, exit, found, tries, what } of KNOWN) {
    const match = found.exec(text)
    if (match !== null)
      return new Failure({ exit, code, what: what(worker, match, /code: (\d+)/.exec(text)?.[1]), now, tries })
  }
  const last = text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .slice(-LAST_LINES)
  const error = /\[ERROR\]\s*(.+)/.exec(text)?.[1] ?? last.at(-1) ?? "it said nothing"
  return new Failure({
    exit: EXIT.failure,
    code: "WranglerFailed",
    what: `wrangler failed: ${error.replace(/\.?$/, ".")}`,
    now: `${now}${globals.verbose ? "" : `\n${last.map((line) => `    ${line.trim()}`).join("\n")}`}`,
    tries: [{ command: "agent-sync deploy --verbose", why: "shows all that wrangler says" }]
  })
}
