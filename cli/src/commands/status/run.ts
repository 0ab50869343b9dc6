/**
 * How the hub of each preset stands, by connecting to it, and what this machine's journal still owes it. Once, or with
 * `--watch` for as long as it is looked at: rows redrawn in place on a terminal, one hub closely where one is named, and a
 * line for each change elsewhere.
 */
import * as Effect from "effect/Effect"
import type { Flags } from "../../Config.ts"
import { EXIT } from "../../Failure.ts"
import { terminalEnv } from "../../globals.ts"
import { paintFor } from "../../paint.ts"
import { clean, cut, grouped, terminalOf } from "../../Terminal.ts"
import { relative, table } from "../../table.ts"
import { untilSignal } from "../../untilSignal.ts"
import { watchOne } from "./detail.ts"
import { connectTo, lookForLoss, owedTo, type Remote, remotesOf, stateOf, whyOf } from "./remotes.ts"

/** Milliseconds for a hub to say where it stands. */
const PATIENCE_MS = 5_000
const REDRAW_MS = 1_000

interface Row {
  readonly preset: string
  readonly hub: string
  readonly state: string
  /** Entries at the hub that this machine has not read; null where it cannot, or the hub has not told. */
  readonly behind: number | null
  readonly waiting: number
  readonly newestSent: number | undefined
  /** It no longer has all that it acknowledged to this machine. */
  readonly lost: boolean
  readonly why: string | undefined
}

export const run = (input: Flags & { readonly watch: boolean; readonly json: boolean }) =>
  Effect.gen(function* () {
    const remotes = yield* remotesOf(input)
    if (input.watch) return yield* watch(remotes, input.json)
    yield* Effect.promise(() => settled(remotes))
    yield* Effect.promise(() => Promise.all(remotes.map(lookForLoss)))
    const rows = remotes.map(rowOf)
    if (input.json) for (const row of rows) print(row)
    else process.stdout.write(draw(rows))
    return rows.some(({ state }) => state === "refused") ? EXIT.refused : EXIT.ok
  })

/** Every hub has said where it stands, and what it has been read of, or had its time. */
const settled = async (remotes: ReadonlyArray<Remote>) => {
  await Promise.all(
    remotes.map(
      (remote) =>
        new Promise<void>((resolve) => {
          let stop = () => {}
          const end = () => {
            clearTimeout(deadline)
            // That we stop is no news.
            const { since, status } = remote
            stop()
            Object.assign(remote, { since, status })
            resolve()
          }
          const deadline = setTimeout(end, PATIENCE_MS)
          const look = () => {
            const { read, status } = remote
            const isRead = read === undefined || read.behind === 0
            if (status._tag === "Offline" || status._tag === "Refused" || (status._tag === "Live" && isRead))
              queueMicrotask(end)
          }
          stop = connectTo(remote, look, look)
        })
    )
  )
}

const rowOf = (remote: Remote): Row => {
  const owed = owedTo(remote)
  const { entries, newestSent } = owed
  return {
    preset: remote.preset,
    hub: new URL(remote.url).host,
    state: stateOf(remote),
    behind: (remote.status._tag === "Live" ? remote.read?.behind : undefined) ?? null,
    waiting: entries,
    newestSent,
    lost: remote.lost !== undefined,
    why: whyOf(remote, owed)
  }
}

const HEAD = ["Preset", "Hub", "State", "Behind", "Waiting", "Last sync", "Why"]

const draw = (rows: ReadonlyArray<Row>) =>
  table(
    rows.some(({ why }) => why !== undefined) ? HEAD : HEAD.slice(0, -1),
    rows.map(({ behind, hub, newestSent, preset, state, waiting, why }) => [
      preset,
      hub,
      state,
      behind === null ? "-" : grouped(behind),
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
  Effect.gen(function* () {
    const { stdout } = process
    const inPlace =
      stdout.isTTY === true &&
      !json &&
      !terminalOf({ env: terminalEnv(), isTTY: true, columns: stdout.columns, plain: false }).plain
    const [one, ...others] = remotes
    if (inPlace && one !== undefined && others.length === 0) return yield* watchOne(one)
    const paint = paintFor(stdout)
    let drawn = 0
    let ended = false
    const redraw = () => {
      const text = draw(remotes.map(rowOf))
        .trimEnd()
        .split("\n")
        .map((line) => cut(line, (stdout.columns ?? 80) - 1))
        .map((line, i) => (i === 0 ? paint.dim(line) : line))
      stdout.write(`${drawn > 0 ? `\x1b[${drawn}A` : ""}${text.map((line) => `\x1b[2K${line}\n`).join("")}`)
      drawn = text.length
    }
    const told = new Map<Remote, string>()
    const stops = remotes.map((remote) =>
      connectTo(remote, () => {
        const how = `${remote.status._tag} ${remote.lost ?? ""}`
        if (ended || inPlace || told.get(remote) === how) return
        told.set(remote, how)
        const row = rowOf(remote)
        if (json) return print(row)
        const time = new Date().toTimeString().slice(0, 8)
        const why = row.why === undefined ? "" : `: ${clean(row.why)}`
        stdout.write(`${time} ${row.preset} ${row.hub} ${row.state}${why}\n`)
      })
    )
    const ticker = inPlace ? setInterval(redraw, REDRAW_MS) : undefined
    if (inPlace) redraw()
    const code = yield* untilSignal
    ended = true
    clearInterval(ticker)
    for (const stop of stops) stop()
    return code
  })
