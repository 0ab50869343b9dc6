/** @jsxImportSource preact */
/** One session: what it is, what happened, and at the side where it went and what it cost. */
import { type Figures, tokensOf } from "agent-sync/events"
import { useMemo } from "preact/hooks"
import { projectOf, stateOf, titleOf } from "../fleet.ts"
import { type Log, type Model, shownOf } from "../Model.ts"
import type { Listed } from "../Source.ts"
import { type Row, rowsOf, type Tab } from "../timeline/rows.ts"
import type { Timeline } from "../timeline/Timeline.ts"
import type { Message } from "../update.ts"
import { cost, duration, grouped, minuteOf, modelOf, momentOf, plural, short, shortPath } from "../words.ts"
import { Dock } from "./Dock.tsx"
import type { Acts } from "./Event.tsx"
import { StateMark } from "./FleetPage.tsx"
import { Icon } from "./icons.tsx"
import { List, type Scroller } from "./List.tsx"

export interface Hands {
  readonly copy: (text: string) => void
  readonly export: (format: "html" | "md") => void
}

/** The rows of the page as they are drawn; also what the keys walk through. */
export const sessionRows = (
  timeline: Timeline,
  tab: Tab | "summary",
  folds: Model["reading"]["folds"]
): ReadonlyArray<Row> => (tab === "summary" ? [] : rowsOf(timeline, tab, folds))

export const SessionPage = (props: {
  readonly model: Model
  readonly session: Listed
  readonly log: Log
  readonly send: (message: Message) => void
  readonly scroller: { current: Scroller | undefined }
  readonly drawn: { current: ReadonlyArray<Row> }
  readonly hands: Hands
}) => {
  const { drawn, hands, log, model, scroller, send, session } = props
  const { reading } = model
  const { timeline, version } = shownOf(model, log)
  const rows = useMemo(
    () => sessionRows(timeline, reading.tab, reading.folds),
    [timeline, version, reading.tab, reading.folds]
  )
  drawn.current = rows
  const acts = useMemo(
    (): Acts => ({
      fold: (id, open) => send({ _tag: "Folded", id, open }),
      raw: (id) => send({ _tag: "Raw", id }),
      copy: hands.copy,
      href: (id) => `#session=${encodeURIComponent(session.log)}&event=${encodeURIComponent(id)}`
    }),
    [session.log]
  )
  const running = timeline.session.openCalls.size > 0
  const cwd = timeline.session.cwd ?? session.origin.cwd
  const { replay } = reading
  const now = replay === undefined ? model.now : (timeline.session.lastAt ?? model.now)
  const around = useMemo(() => ({ cwd, now, acts, whole: false }), [cwd, running ? now : 0, acts])
  // Totals of a long log are not drawn anew for each event.
  const side = useMemo(
    () => <Side timeline={timeline} cwd={cwd} log={session.log} />,
    [timeline, cwd, log.caughtUp, replay?.version, model.now]
  )
  return (
    <>
      <main id="main">
        <Head model={model} session={session} log={log} send={send} hands={hands} />
        <div class="body">
          <div class="column">
            {log.partial ? (
              <p class="earlier soft small">
                {log.staged === undefined
                  ? "Scroll up for earlier events"
                  : `Reading earlier events, ${grouped(log.staged.count)} so far`}
              </p>
            ) : null}
            {rows.length === 0 && reading.tab !== "summary" ? (
              <p class="nothing">{log.caughtUp ? "Nothing of that kind yet." : "Opening this session…"}</p>
            ) : null}
            {reading.tab === "summary" ? (
              side
            ) : (
              <List
                rows={rows}
                here={reading.here}
                raw={reading.raw}
                around={around}
                follow={reading.follow || reading.replay?.playing === true}
                onEnd={(atEnd) => send({ _tag: "AtEnd", atEnd })}
                onStart={() => send({ _tag: "AtStart" })}
                onHere={(id) => reading.here === id || send({ _tag: "Here", id })}
                scroller={scroller}
              />
            )}
          </div>
          <aside class="side" aria-label="Outline and totals" tabIndex={0}>
            {side}
          </aside>
        </div>
      </main>
      <Dock model={model} session={session} log={log} send={send} />
    </>
  )
}

const TABS = [
  ["timeline", "Timeline"],
  ["chat", "Chat"],
  ["artifacts", "Artifacts"],
  ["audit", "Audit"],
  ["summary", "Summary"]
] as const

const Head = (props: {
  readonly model: Model
  readonly session: Listed
  readonly log: Log
  readonly send: (message: Message) => void
  readonly hands: Hands
}) => {
  const { hands, log, model, send, session } = props
  const { timeline } = shownOf(model, log)
  const known = timeline.session
  const { origin } = session
  const { groups } = timeline
  const { reading } = model
  const agent = [known.agentName ?? origin.agentName ?? origin.agent, known.version]
    .filter((part) => part !== undefined)
    .join(" ")
  const started = log.partial ? session.startedAt : (known.startedAt ?? session.startedAt)
  const ended = known.endedAt ?? known.lastAt ?? session.told
  const figures: Figures = log.partial ? (session.figures ?? {}) : known.figures
  const counts = {
    timeline: groups.chat + groups.artifact + groups.audit,
    chat: groups.chat,
    artifacts: groups.artifact,
    audit: groups.audit
  }
  const state = model.reading.replay === undefined ? stateOf(session, log) : known.state
  const offline = model.connection._tag === "Offline"
  const branch = known.branch ?? origin.branch
  return (
    <div class="head">
      <div class="line">
        <h1 dir="auto">{titleOf(session, log)}</h1>
        <StateMark state={state} />
        {offline && model.connection._tag === "Offline" ? (
          <span class="as-of">as of {minuteOf(model.connection.since)}</span>
        ) : null}
      </div>
      <dl class="facts">
        <Fact
          name="Agent"
          hidden
          value={[agent, known.model === undefined ? "" : modelOf(known.model)]
            .filter((part) => part !== "")
            .join(", ")}
        />
        <Fact name="Place" hidden value={[projectOf(session), branch ?? ""].filter((part) => part !== "").join(", ")} />
        <Fact name="on" wide value={origin.host ?? known.host ?? ""} />
        <Fact name="started" wide value={momentOf(started, model.now)} />
        <Fact name="time" value={duration(Math.max(0, ended - started))} />
        <Fact name="tokens" value={tokensOf(figures) > 0 ? short(tokensOf(figures)) : ""} />
        <Fact name="cost" value={figures.costUsd === undefined ? "" : cost(figures.costUsd)} />
      </dl>
      {log.refused === undefined ? null : (
        <p class="err">
          <b>{log.refused.code === "retired" ? "Retired by the hub" : "The hub does not give this log"}</b>{" "}
          {log.refused.reason}
        </p>
      )}
      <div class="tabs">
        <nav class="tab-list" aria-label="Parts of the session">
          {TABS.map(([tab, name]) => (
            <button
              key={tab}
              type="button"
              class={tab === "summary" ? "narrow-only" : undefined}
              aria-current={reading.tab === tab ? "true" : undefined}
              onClick={() => send({ _tag: "Tab", tab })}
            >
              {name}
              {tab === "summary" ? null : <span class="num">{grouped(counts[tab])}</span>}
            </button>
          ))}
        </nav>
        <span class="grow" />
        <label class="find">
          <Icon name="search" />
          <span class="hide">Find in this session</span>
          <input
            id="find"
            type="search"
            placeholder="Find in this session"
            value={reading.query}
            onInput={(event) => send({ _tag: "Find", query: event.currentTarget.value })}
          />
          {reading.query === "" ? (
            <kbd>/</kbd>
          ) : (
            <span class="num small" role="status">
              {reading.hits.length === 0 ? "none" : `${grouped(reading.hit + 1)} of ${grouped(reading.hits.length)}`}
            </span>
          )}
        </label>
        <span class="exports">
          <button type="button" class="link" onClick={() => hands.export("html")}>
            Save as HTML
          </button>
          <button type="button" class="link" onClick={() => hands.export("md")}>
            Markdown
          </button>
        </span>
      </div>
    </div>
  )
}

const Fact = ({
  hidden = false,
  name,
  value,
  wide = false
}: {
  name: string
  value: string
  hidden?: boolean
  wide?: boolean
}) =>
  value === "" ? null : (
    <div class={wide ? "wide" : undefined}>
      <dt class={hidden ? "hide" : undefined}>{name}</dt>
      <dd dir="auto">{value}</dd>
    </div>
  )

const FILES = 12
const OUTLINE = 60

const Side = ({
  cwd,
  log,
  timeline
}: {
  readonly timeline: Timeline
  readonly cwd: string | undefined
  readonly log: string
}) => {
  const { files, session, tools, turns } = timeline
  const { figures } = session
  const changed = [...files].sort(([, a], [, b]) => b.added + b.removed - a.added - a.removed)
  return (
    <>
      {turns.length === 0 ? null : (
        <section>
          <h2>Turns</h2>
          <nav class="turns" aria-label="Turns">
            {turns.slice(-OUTLINE).map((turn) => (
              <a key={turn.id} href={`#session=${encodeURIComponent(log)}&event=${encodeURIComponent(turn.id)}`}>
                <time>{minuteOf(turn.time)}</time>
                <span class="cut" dir="auto">
                  {turn.text}
                </span>
                <span class="num">
                  {turn.figures.costUsd === undefined
                    ? tokensOf(turn.figures) > 0
                      ? short(tokensOf(turn.figures))
                      : ""
                    : cost(turn.figures.costUsd)}
                </span>
              </a>
            ))}
          </nav>
        </section>
      )}
      {changed.length === 0 ? null : (
        <section>
          <h2>Files changed</h2>
          <ul class="files">
            {changed.slice(0, FILES).map(([path, { added, removed }]) => (
              <li key={path}>
                <span class="cut">
                  <bdi>{shortPath(path, cwd)}</bdi>
                </span>
                {added > 0 ? <span class="plus">+{added}</span> : null}
                {removed > 0 ? <span class="minus">−{removed}</span> : null}
              </li>
            ))}
          </ul>
          {changed.length > FILES ? <p class="soft small">{plural(changed.length - FILES, "more file")}</p> : null}
        </section>
      )}
      {tools.size === 0 ? null : (
        <section>
          <h2>Tools</h2>
          <table class="tally">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Calls</th>
                <th scope="col">Failed</th>
                <th scope="col">Time</th>
              </tr>
            </thead>
            <tbody>
              {[...tools]
                .sort(([, a], [, b]) => b.calls - a.calls)
                .slice(0, FILES)
                .map(([name, { calls, failed, ms }]) => (
                  <tr key={name}>
                    <td>{name}</td>
                    <td>{grouped(calls)}</td>
                    <td>{grouped(failed)}</td>
                    <td>{duration(ms)}</td>
                  </tr>
                ))}
            </tbody>
          </table>
        </section>
      )}
      {Object.keys(figures).length === 0 ? null : (
        <section>
          <h2>Usage</h2>
          <table class="tally">
            <tbody>
              <Used name="Input" count={figures.input} />
              <Used name="Read from cache" count={figures.cacheRead} />
              <Used name="Written to cache" count={figures.cacheWrite} />
              <Used name="Output" count={figures.output} />
              {figures.costUsd === undefined ? null : (
                <tr class="sum">
                  <td>Cost, by the agent</td>
                  <td>{cost(figures.costUsd)}</td>
                </tr>
              )}
            </tbody>
          </table>
        </section>
      )}
    </>
  )
}
const Used = ({ count, name }: { name: string; count: number | undefined }) =>
  count === undefined ? null : (
    <tr>
      <td>{name}</td>
      <td>{short(count)}</td>
    </tr>
  )
