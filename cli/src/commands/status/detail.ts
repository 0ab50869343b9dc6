/**
 * One hub, looked at closely and for as long as one likes: what goes up and comes down, the last thing that happened there,
 * and when the connection was lost and came back.
 */
import type { SyncStatus } from "agent-sync"
import * as Effect from "effect/Effect"
import { terminalEnv } from "../../globals.ts"
import { healthOf, hubOf } from "../../hubApi.ts"
import { bytes, clean, cut, grouped, type Terminal, terminalOf } from "../../Terminal.ts"
import { untilSignal } from "../../untilSignal.ts"
import { stateWord } from "../../Watching.ts"
import { connectTo, owedTo, type Read, type Remote, stateOf, whyOf } from "./remotes.ts"

const REDRAW_MS = 1_000
/** Losses and returns of the connection that are shown. */
const TURNS = 3
/** Cells before what stands at the right of a line. */
const LEFT = 44

/** All that is drawn, as values. Times are milliseconds since 1970. */
export interface Detail {
  readonly host: string
  readonly state: string
  readonly since: number
  /** Milliseconds that the hub took to answer. */
  readonly ms: number | undefined
  readonly why: string | undefined
  readonly owed: ReturnType<typeof owedTo>
  readonly read: Read | undefined
  readonly turns: ReadonlyArray<{ readonly time: number; readonly text: string }>
}

const clock = (time: number) => new Date(time).toTimeString().slice(0, 8)

export const draw = (
  detail: Detail,
  { columns, paint }: Pick<Terminal, "columns" | "paint">
): ReadonlyArray<string> => {
  const { host, ms, owed, read, since, state, turns, why } = detail
  const told = state === "live" ? paint.green(state) : state === "refused" ? paint.red(state) : paint.yellow(state)
  const answered = ms === undefined || state !== "live" ? "" : `  ${Math.round(ms)} ms,`
  const two = (name: string, left: string, right: string) => `  ${paint.dim(name)}  ${left.padEnd(LEFT - 8)}${right}`
  const newest = read?.newest
  const lines = [
    `  ${host}  ${told}${answered}${answered === "" ? " " : ""} since ${clock(since)}`,
    ...(why === undefined ? [] : [`  ${clean(why)}`]),
    "",
    two("up  ", `${grouped(owed.sent)} sent  ${grouped(owed.entries)} waiting`, `journal ${bytes(owed.bytes)}`),
    read === undefined
      ? two("down", "this machine records, and cannot read back", "")
      : two(
          "down",
          read.behind === undefined
            ? "not read yet"
            : `${grouped(read.entries)} read  behind by ${grouped(read.behind)}`,
          read.unopened === 0 ? "" : paint.yellow(`${grouped(read.unopened)} not opened`)
        ),
    ...(newest === undefined
      ? []
      : [two("last", `${clock(newest.told)} ${nameOf(newest)}  ${stateWord(newest.state)}`, "")]),
    ...(turns.length === 0 ? [] : ["", `  ${turns.map(({ text, time }) => `${clock(time)} ${text}`).join("   ")}`])
  ]
  return lines.map((line) => cut(line, columns - 1))
}

/** The tag by which `tail` names it, and its title. */
const nameOf = ({ alias, origin, title }: NonNullable<Read["newest"]>) => {
  const project = origin.cwd?.split("/").findLast((part) => part !== "") ?? origin.agent
  return clean(`${project} ${(alias ?? origin.session).slice(-4)}${title === undefined ? "" : `  ${title}`}`)
}

/** Redraws in place until a signal; answers its exit code. */
export const watchOne = (remote: Remote): Effect.Effect<number> =>
  Effect.gen(function* () {
    const { stdout } = process
    const turns: Array<{ readonly time: number; readonly text: string }> = []
    let before: SyncStatus["_tag"] = "Connecting"
    let ms: number | undefined
    let lines = 0
    let sentBefore = owedTo(remote).sent
    const redraw = () => {
      const terminal = terminalOf({ env: terminalEnv(), isTTY: true, columns: stdout.columns, plain: false })
      const owed = owedTo(remote)
      const detail: Detail = {
        host: new URL(remote.url).host,
        state: stateOf(remote),
        since: remote.since,
        ms,
        why: whyOf(remote, owed),
        owed,
        read: remote.read,
        turns: turns.slice(-TURNS)
      }
      const drawn = draw(detail, terminal)
      stdout.write(`${lines > 0 ? `\x1b[${lines}A\x1b[0J` : ""}${drawn.map((line) => `${line}\n`).join("")}`)
      lines = drawn.length
    }
    const stop = connectTo(remote, () => {
      const { _tag } = remote.status
      const { sent } = owedTo(remote)
      if (_tag === "Offline" && before === "Live") turns.push({ time: Date.now(), text: "connection lost" })
      if (_tag === "Live" && before === "Offline") {
        const since = sent - sentBefore
        turns.push({ time: Date.now(), text: since > 0 ? `back, ${grouped(since)} sent meanwhile` : "back" })
      }
      if (_tag === "Live" || _tag === "Offline") before = _tag
      sentBefore = sent
    })
    yield* Effect.fork(
      Effect.flatMap(hubOf(remote.found), healthOf).pipe(
        Effect.match({
          onFailure: () => {},
          onSuccess: (health) => {
            ms = health.ms
          }
        })
      )
    )
    redraw()
    const ticker = setInterval(redraw, REDRAW_MS)
    const code = yield* untilSignal
    clearInterval(ticker)
    stop()
    return code
  })
