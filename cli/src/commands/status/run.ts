/**
 * How the hub of each preset stands, by connecting to it, and what this machine's journal still owes it. Once, or with
 * `--watch` for as long as it is looked at: rows redrawn in place on a terminal, a line for each change elsewhere.
 */
import type { SyncStatus } from "agent-sync"
import { connectOnly, inspectJournal } from "agent-sync/bun"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { type Flags, journalFile, type Settings, settings } from "../../Config.ts"
import { EXIT, type Failure } from "../../Failure.ts"
import { terminalEnv } from "../../globals.ts"
import { hubOf } from "../../hubApi.ts"
import { paintFor } from "../../paint.ts"
import { clean, cut, grouped, terminalOf } from "../../Terminal.ts"
import { relative, table } from "../../table.ts"

/** Milliseconds for a hub to say where it stands. */
const PATIENCE_MS = 5_000
const REDRAW_MS = 1_000

interface Remote {
  readonly preset: string
  readonly url: string
  readonly found: Settings
  status: SyncStatus
  /** When `status` began, in milliseconds since 1970. */
  since: number
}

interface Row {
  readonly preset: string
  readonly hub: string
  readonly state: string
  readonly waiting: number
  readonly newestSent: number | undefined
  readonly why: string | undefined
}

export const run = (input: Flags & { readonly watch: boolean; readonly json: boolean }) =>
  Effect.gen(function* () {
    const remotes = yield* remotesOf(input)
    if (input.watch) return yield* watch(remotes, input.json)
    yield* Effect.promise(() => settled(remotes))
    const rows = yield* Effect.all(remotes.map(rowOf))
    if (input.json) for (const row of rows) print(row)
    else process.stdout.write(draw(rows))
    return rows.some(({ state }) => state === "refused") ? EXIT.refused : EXIT.ok
  })

/** The presets that have a hub; where one is named, or a URL is given, that one alone. */
const remotesOf = (input: Flags): Effect.Effect<ReadonlyArray<Remote>, Failure> =>
  Effect.gen(function* () {
    const where = { env: process.env, cwd: process.cwd() }
    const chosen = yield* settings(input, where)
    const one = input.env ?? input.url ?? process.env.AGENT_SYNC_URL
    const names = one === undefined ? Object.keys(chosen.presets) : []
    const all = yield* Effect.all(names.map((env) => settings({ ...input, env }, where)))
    const found = names.length === 0 ? [chosen] : all
    const remotes = found.flatMap(
      (each): ReadonlyArray<Remote> =>
        each.url === undefined
          ? []
          : [
              {
                preset: each.preset ?? "-",
                url: each.url,
                found: each,
                status: { _tag: "Connecting", since: 0 },
                since: Date.now()
              }
            ]
    )
    if (remotes.length === 0) yield* hubOf(chosen)
    return remotes
  })

const connectAll = (remotes: ReadonlyArray<Remote>, onChange: (remote: Remote, status: SyncStatus) => void) => {
  const connections = remotes.map((remote) =>
    connectOnly({
      url: remote.url,
      token: async () => (await remote.found.token("read")) ?? (await remote.found.token("write")),
      onStatus: (status) => {
        if (status._tag !== remote.status._tag) remote.since = Date.now()
        remote.status = status
        onChange(remote, status)
      }
    })
  )
  return () => {
    for (const connection of connections) connection.stop()
  }
}

/** Every hub has said where it stands, or had its time. */
const settled = (remotes: ReadonlyArray<Remote>) =>
  new Promise<void>((resolve) => {
    const end = () => {
      clearTimeout(deadline)
      resolve()
      queueMicrotask(() => {
        over = true
        stop()
      })
    }
    let over = false
    const deadline = setTimeout(end, PATIENCE_MS)
    const known = new Map<Remote, SyncStatus>()
    const stop = connectAll(remotes, (remote, status) => {
      // That we stop is no news.
      if (over || status._tag === "Connecting") {
        const before = known.get(remote)
        if (before !== undefined) remote.status = before
        return
      }
      known.set(remote, status)
      if (known.size === remotes.length) end()
    })
  })

const rowOf = ({ found, preset, status, url }: Remote): Effect.Effect<Row, Failure> =>
  Effect.sync(() => {
    const journal = inspectJournal(journalFile(found), [url])
    const waiting = Either.isRight(journal) ? journal.right?.waiting[0] : undefined
    return {
      preset,
      hub: new URL(url).host,
      state: stateOf(status),
      waiting: waiting?.entries ?? 0,
      newestSent: waiting?.newestSent,
      why: status._tag === "Offline" ? status.why : status._tag === "Refused" ? status.error : undefined
    }
  })

const stateOf = ({ _tag }: SyncStatus) => (_tag === "Connecting" ? "no answer" : _tag.toLowerCase())

const HEAD = ["Preset", "Hub", "State", "Waiting", "Newest sent", "Why"]

const draw = (rows: ReadonlyArray<Row>) =>
  table(
    rows.some(({ why }) => why !== undefined) ? HEAD : HEAD.slice(0, -1),
    rows.map(({ hub, newestSent, preset, state, waiting, why }) => [
      preset,
      hub,
      state,
      grouped(waiting),
      newestSent === undefined ? "-" : relative(newestSent, Date.now()),
      clean(why ?? "")
    ])
  )

const print = (row: Row) =>
  process.stdout.write(
    `${JSON.stringify({ schema: 1, ...row, newestSent: row.newestSent === undefined ? null : new Date(row.newestSent).toISOString() })}\n`
  )

const watch = (remotes: ReadonlyArray<Remote>, json: boolean) =>
  Effect.async<number>((resume) => {
    const { stdout } = process
    const inPlace =
      stdout.isTTY === true &&
      !json &&
      !terminalOf({ env: terminalEnv(), isTTY: true, columns: stdout.columns, plain: false }).plain
    const paint = paintFor(stdout)
    let drawn = 0
    let ended = false
    const redraw = () => {
      const rows = Effect.runSync(Effect.all(remotes.map(rowOf)))
      const text = draw(rows)
        .trimEnd()
        .split("\n")
        .map((line) => cut(line, (stdout.columns ?? 80) - 1))
        .map((line, i) => (i === 0 ? paint.dim(line) : line))
      stdout.write(`${drawn > 0 ? `\x1b[${drawn}A` : ""}${text.map((line) => `\x1b[2K${line}\n`).join("")}`)
      drawn = text.length
    }
    const told = new Map<Remote, string>()
    const stop = connectAll(remotes, (remote, status) => {
      if (ended || inPlace || told.get(remote) === status._tag) return
      told.set(remote, status._tag)
      const row = Effect.runSync(rowOf(remote))
      if (json) print(row)
      else {
        const time = new Date().toTimeString().slice(0, 8)
        stdout.write(
          `${time} ${row.preset} ${row.hub} ${row.state}${row.why === undefined ? "" : `: ${clean(row.why)}`}\n`
        )
      }
    })
    const ticker = inPlace ? setInterval(redraw, REDRAW_MS) : undefined
    if (inPlace) redraw()
    const end = () => {
      ended = true
      clearInterval(ticker)
      stop()
      process.off("SIGINT", end)
      process.off("SIGTERM", end)
      resume(Effect.succeed(EXIT.interrupted))
    }
    process.on("SIGINT", end)
    process.on("SIGTERM", end)
  })
