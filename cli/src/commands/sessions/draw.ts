/** The list for people: a line for each session, cut at the terminal's edge. */
import type { KnownSession } from "agent-sync"
import { tokensOf } from "agent-sync/events"
import { paintFor } from "../../paint.ts"
import { cost, cut, oneLine, tokens } from "../../Terminal.ts"
import { relative, table } from "../../table.ts"
import { nameOf, stateWord } from "../../Watching.ts"

/** A session as it is listed; a journal knows neither when it was told of last nor its figures. */
export type Listed = Pick<KnownSession, "origin" | "startedAt" | "title" | "state"> & {
  readonly alias: string | undefined
  readonly told?: number
  readonly figures?: KnownSession["figures"]
}

/** Characters of an id's end, which is what other commands take. */
const ID = 8

export const draw = (
  sessions: ReadonlyArray<Listed>,
  now: number,
  { columns, isTTY }: { readonly columns?: number; readonly isTTY?: boolean } = process.stdout
): string => {
  if (sessions.length === 0) return ""
  /** A column in which every cell says the same, or nothing, is none. */
  const machines = new Set(sessions.map(({ origin }) => origin.host))
  const all: ReadonlyArray<readonly [string, (session: Listed) => string, boolean]> = [
    ["Session", ({ alias, origin }) => (alias ?? origin.session).slice(-ID), true],
    ["State", ({ state }) => stateWord(state), true],
    ["Agent", ({ origin }) => origin.agent, true],
    ["Project", (session) => nameOf(session).project, true],
    ["Machine", ({ origin }) => origin.host ?? "-", machines.size > 1],
    ["Began", ({ startedAt }) => relative(startedAt, now), true],
    ["Tokens", ({ figures }) => told(figures === undefined ? 0 : tokensOf(figures), tokens), hasFigures(sessions)],
    ["Cost", ({ figures }) => told(figures?.costUsd ?? 0, cost), hasFigures(sessions)],
    ["Title", ({ title }) => title ?? "", true]
  ]
  const shown = all.filter(([, , isWorth]) => isWorth)
  const rows = sessions.map((session) => shown.map(([, cell]) => oneLine(cell(session)).line))
  const lines = table(
    shown.map(([head]) => head),
    rows,
    0
  ).trimEnd()
  const paint = paintFor({ isTTY: isTTY === true })
  const [head = "", ...body] = lines.split("\n").map((line) => (columns === undefined ? line : cut(line, columns - 1)))
  const painted = body.map((line, i) => {
    const word = stateWord(sessions[i]!.state)
    const { state } = sessions[i]!
    const colour =
      state === "failed"
        ? paint.red
        : state === "waiting"
          ? paint.yellow
          : state === "running"
            ? paint.green
            : undefined
    return colour === undefined ? line : line.replace(word, colour(word))
  })
  return `${[paint.dim(head), ...painted].join("\n")}\n`
}

const hasFigures = (sessions: ReadonlyArray<Listed>) => sessions.some(({ figures }) => figures !== undefined)
const told = (count: number, say: (count: number) => string) => (count === 0 ? "-" : say(count))
