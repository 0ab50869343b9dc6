/** @jsxImportSource preact */
/** All sessions of the tenant: who needs you, what runs, what was. */
import { type State, tokensOf } from "agent-sync/events"
import { useLayoutEffect, useMemo, useRef } from "preact/hooks"
import { type Groups, groupsOf, PAGE, rowsOfFleet, type SessionRow, sentenceOf, standing } from "../fleet.ts"
import type { Fleet, Model, Sort } from "../Model.ts"
import type { Message } from "../update.ts"
import { ago, cost, dateOf, dayOf, grouped, minuteOf, short } from "../words.ts"
import { Icon, type Shape } from "./icons.tsx"

const STATES: Record<
  State,
  { readonly name: string; readonly shape: Shape; readonly word: string; readonly filter: string }
> = {
  waiting: { name: "wait", shape: "waiting", word: "Waiting for you", filter: "Waiting" },
  running: { name: "run", shape: "running", word: "Running", filter: "Running" },
  idle: { name: "idle", shape: "idle", word: "Idle", filter: "Idle" },
  ended: { name: "end", shape: "ended", word: "Ended", filter: "Ended" },
  failed: { name: "fail", shape: "bad", word: "Failed", filter: "Failed" }
}

export const StateMark = ({ state }: { readonly state: State }) => (
  <span class={`state ${STATES[state].name}`}>
    <Icon name={STATES[state].shape} />
    {STATES[state].word}
  </span>
)

export const FleetPage = (props: { readonly model: Model; readonly send: (message: Message) => void }) => {
  const { model, send } = props
  const rows = useMemo(() => rowsOfFleet(model), [model.sessions, model.logs, Math.floor(model.now / 1000)])
  const order = useOrder()
  const groups = order.kept(groupsOf(rows, model.fleet, model.now), rows, model.fleet)
  const counts = new Map<State, number>()
  for (const { state } of rows) counts.set(state, (counts.get(state) ?? 0) + 1)
  const earlier = standing(groups, model.fleet)
  const none = groups.first.length + groups.going.length + groups.earlier.length === 0
  const main = useInView(earlier, (inView) => send({ _tag: "Fleet", fleet: { inView } }))
  const list = (some: ReadonlyArray<SessionRow>) =>
    some.length === 0 ? null : (
      <ul class="rows">
        {some.map((row) => (
          <li key={row.log}>
            <FleetRow row={row} now={model.now} here={model.fleet.here === row.log} send={send} />
          </li>
        ))}
      </ul>
    )
  return (
    <main id="main" class="fleet" ref={main}>
      <h1>{sentenceOf(rows, model.now)}</h1>
      <div class="tools">
        <div class="pick" role="group" aria-label="State">
          {(["all", "waiting", "running", "idle", "ended", "failed"] as const).map((filter) => (
            <button
              key={filter}
              type="button"
              aria-pressed={model.fleet.filter === filter}
              onClick={() => send({ _tag: "Fleet", fleet: { filter } })}
            >
              {filter === "all" ? "All" : STATES[filter].filter}{" "}
              <span class="num">{grouped(filter === "all" ? rows.length : (counts.get(filter) ?? 0))}</span>
            </button>
          ))}
        </div>
        <span class="grow" />
        <label class="sort">
          <span class="hide">Sort by</span>
          <select
            value={model.fleet.sort}
            onChange={(event) => send({ _tag: "Fleet", fleet: { sort: event.currentTarget.value as Sort } })}
          >
            <option value="state">By state</option>
            <option value="last">By last event</option>
            <option value="tokens">By tokens</option>
            <option value="cost">By cost</option>
          </select>
        </label>
        <label class="find">
          <Icon name="search" />
          <span class="hide">Find a session</span>
          <input
            id="find"
            type="search"
            placeholder="Title, project, branch, host or agent"
            value={model.fleet.query}
            onInput={(event) => send({ _tag: "Fleet", fleet: { query: event.currentTarget.value } })}
          />
          <kbd>/</kbd>
        </label>
      </div>
      <div {...order.hands} class={`group${groups.first.length + groups.going.length === 0 ? " heads-only" : ""}`}>
        <div class="heads" aria-hidden="true">
          <span>State</span>
          <span>Session</span>
          <span>Now</span>
          <span class="act">Last 30 min</span>
          <span>Last event</span>
          <span class="tok">Tokens</span>
          <span>Cost</span>
        </div>
        {list(groups.first)}
        {list(groups.going)}
        {none ? (
          <p class="nothing">
            No session is like that.{" "}
            <button
              type="button"
              class="link"
              onClick={() => send({ _tag: "Fleet", fleet: { filter: "all", query: "" } })}
            >
              Show all
            </button>
          </p>
        ) : null}
      </div>
      {earlier.length === 0 ? null : (
        <div {...order.hands} class="group">
          {groups.first.length + groups.going.length === 0 ? null : <h2>Earlier</h2>}
          {list(earlier)}
          {groups.earlier.length > earlier.length ? (
            <button
              class="more"
              type="button"
              onClick={() => send({ _tag: "Fleet", fleet: { pages: model.fleet.pages + 1 } })}
            >
              Show {grouped(Math.min(PAGE, groups.earlier.length - earlier.length))} more of{" "}
              {grouped(groups.earlier.length - earlier.length)}
            </button>
          ) : null}
        </div>
      )}
    </main>
  )
}

/** Milliseconds that an order may wait for whoever is at the list to leave it. */
const HELD_MS = 10_000

/** Nothing is sorted anew under the pointer, or while a row is reached by keys: a new order waits until the list is left, for a while. */
const useOrder = () => {
  const held = useRef<{ readonly groups: Groups; readonly fleet: Fleet; readonly until: number } | undefined>(undefined)
  const isOver = useRef(false)
  const isReached = useRef(false)
  const left = () => {
    if (!isOver.current && !isReached.current) held.current = undefined
  }
  return {
    hands: {
      onPointerEnter: () => {
        isOver.current = true
      },
      onPointerLeave: () => {
        isOver.current = false
        left()
      },
      onFocusIn: () => {
        isReached.current = true
      },
      onFocusOut: () => {
        isReached.current = false
        left()
      }
    },
    kept: (groups: Groups, rows: ReadonlyArray<SessionRow>, fleet: Fleet): Groups => {
      const before = held.current
      const isAsked = before?.fleet.sort !== fleet.sort || before.fleet.query !== fleet.query
      const isSame = before !== undefined && !isAsked && idsOf(before.groups).length === idsOf(groups).length
      if (!(isOver.current || isReached.current) || before === undefined || !isSame || Date.now() > before.until) {
        held.current = { groups, fleet, until: Date.now() + HELD_MS }
        return groups
      }
      const now = new Map(rows.map((row) => [row.log, row]))
      const fresh = (some: ReadonlyArray<SessionRow>) => some.map((row) => now.get(row.log) ?? row)
      return { first: fresh(before.groups.first), going: fresh(before.groups.going), earlier: before.groups.earlier }
    }
  }
}
const idsOf = ({ earlier, first, going }: Groups) => [...first, ...going, ...earlier].map(({ log }) => log)

/** Pixels beyond the window that count as in view. */
const SOON = 500

/** Tells which of the rows are in view, whenever others are. */
const useInView = (rows: ReadonlyArray<SessionRow>, tell: (logs: ReadonlySet<string>) => void) => {
  const main = useRef<HTMLElement>(null)
  const inView = useRef<ReadonlySet<string>>(new Set())
  const logs = rows.map(({ log }) => log).join()
  useLayoutEffect(() => {
    const ids = new Map(rows.map(({ log }) => [`row-${log}`, log]))
    const seen = new Set([...inView.current].filter((log) => ids.has(`row-${log}`)))
    const watcher = new IntersectionObserver(
      (changes) => {
        for (const { isIntersecting, target } of changes) {
          const log = ids.get(target.id) ?? ""
          if (isIntersecting) seen.add(log)
          else seen.delete(log)
        }
        if (seen.size === inView.current.size && [...seen].every((log) => inView.current.has(log))) return
        inView.current = new Set(seen)
        tell(inView.current)
      },
      { rootMargin: `${SOON}px 0px` }
    )
    for (const row of main.current?.querySelectorAll(".row") ?? []) if (ids.has(row.id)) watcher.observe(row)
    return () => watcher.disconnect()
  }, [logs])
  return main
}

const FleetRow = (props: {
  readonly row: SessionRow
  readonly now: number
  readonly here: boolean
  readonly send: (message: Message) => void
}) => {
  const { here, now, row, send } = props
  const old = row.state === "ended"
  const kind = row.state === "waiting" ? " ask" : row.state === "failed" ? " bad" : old ? " old" : ""
  const tokens = tokensOf(row.figures)
  return (
    <a
      class={`row${kind}${here ? " here" : ""}`}
      id={`row-${row.log}`}
      href={`#session=${encodeURIComponent(row.log)}`}
      onFocus={() => send({ _tag: "Fleet", fleet: { here: row.log } })}
    >
      <StateMark state={row.state} />
      <div class="cut">
        <div class="title cut" dir="auto">
          {row.title}
        </div>
        <div class="where cut">{row.where}</div>
      </div>
      <div class="now cut" dir="auto">
        <div class="cut">{row.code ? <code>{row.now}</code> : row.now}</div>
        {row.small === "" ? null : <small class="cut">{row.small}</small>}
      </div>
      {old ? null : (
        <span class="act">
          <Activity row={row} />
        </span>
      )}
      <span class="n last">{old || now - row.last > 12 * 3_600_000 ? whenOf(row.last, now) : ago(now - row.last)}</span>
      <span class="n tok">{tokens > 0 ? short(tokens) : ""}</span>
      <span class="n cost">{row.figures.costUsd === undefined ? "" : cost(row.figures.costUsd)}</span>
    </a>
  )
}

const whenOf = (time: number, now: number) =>
  dayOf(time) === dayOf(now) && now - time < 86_400_000 ? minuteOf(time) : dateOf(time, now)

const Activity = ({ row }: { readonly row: SessionRow }) => {
  const most = Math.max(1, ...row.activity.map(({ count }) => count))
  return (
    <svg class="strip" viewBox="0 0 120 20" preserveAspectRatio="none" aria-hidden="true">
      <rect class="base" x="0" y="19" width="120" height="1" />
      {row.activity.map(({ count, mark }, at) => {
        if (count === 0) return null
        const height = mark === undefined ? 2 + Math.round(15 * Math.sqrt(count / most)) : 19
        return (
          <rect
            key={at}
            class={mark === "ask" ? "q" : mark === "fail" ? "x" : ""}
            x={at * 4}
            y={20 - height}
            width="3"
            height={height}
          />
        )
      })}
    </svg>
  )
}
