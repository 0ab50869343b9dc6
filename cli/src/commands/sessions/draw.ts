/** The list for people: a line for each session, cut at the terminal's edge. */
import type { KnownSession } from "agent-sync"
import { tokensOf } from "agent-sync/events"
import { cost, cut, oneLine, type Terminal, tokens } from "../../Terminal.ts"
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

/** `columns`: the terminal's; undefined where nothing is to be cut. */
export const draw = (
  sessions: ReadonlyArray<Listed>,
  now: number,
  { columns, paint }: { readonly columns: number | undefined; readonly paint: Terminal["paint"] }
): string => {
  if (sessions.length === 0) return ""
  const machines = new Set(sessions.map(({ origin }) => origin.host))
  /** Head, cell, and whether the column says anything. */
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
  const heads = shown.map(([head]) => head)
  const [head = "", ...body] = table(heads, rows, 0)
    .trimEnd()
    .split("\n")
    .map((line) => (columns === undefined ? line : cut(line, columns - 1)))
  const colours: Partial<Record<Listed["state"], (text: string) => string>> = {
    failed: paint.red,
    waiting: paint.yellow,
    running: paint.green
  }
  const painted = body.map((line, i) => {
    const { state } = sessions[i]!
    // Behind the gap that ends the id, which may be spelt like a state.
    const cell = `  ${stateWord(state)}`
    return line.replace(cell, () => colours[state]?.(cell) ?? cell)
  })
  return `${[paint.dim(head), ...painted].join("\n")}\n`
}

const hasFigures = (sessions: ReadonlyArray<Listed>) => sessions.some(({ figures }) => figures !== undefined)
const told = (count: number, say: (count: number) => string) => (count === 0 ? "-" : say(count))
