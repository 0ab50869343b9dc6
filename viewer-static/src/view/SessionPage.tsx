/** @jsxImportSource preact */
/** One session: what it is, what happened, and at the side where it went and what it cost. */
import { useMemo } from "preact/hooks"
import { type Log, type Model, shownOf } from "../Model.ts"
import type { Listed } from "../Source.ts"
import { type Row, rowsOf, type Tab } from "../timeline/rows.ts"
import type { Timeline } from "../timeline/Timeline.ts"
import { FIRST, type Message } from "../update.ts"
import { grouped } from "../words.ts"
import { Dock } from "./Dock.tsx"
import type { Acts } from "./Fold.tsx"
import { type Hands, Head } from "./Head.tsx"
import { List, type Scroller } from "./List.tsx"
import { Side } from "./Side.tsx"

/** The rows of the page as they are drawn; also what the keys walk through. */
const sessionRows = (timeline: Timeline, tab: Tab | "summary", folds: Model["reading"]["folds"]): ReadonlyArray<Row> =>
  tab === "summary" ? [] : rowsOf(timeline, tab, folds)

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
      whole: (id) => send({ _tag: "Whole", id }),
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
  const at = reading.follow || reading.here === undefined ? undefined : timeline.find(reading.here)?.time
  // Totals of a long log are not drawn anew for each event.
  const side = useMemo(
    () => <Side timeline={timeline} cwd={cwd} log={session.log} at={at} />,
    [timeline, cwd, at, log.caughtUp, replay?.version, model.now]
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
                  : `${reading.wanted === undefined || reading.wanted === FIRST ? "Reading earlier events" : "Looking for the link’s event"}, ${grouped(log.staged.count)} so far`}
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
