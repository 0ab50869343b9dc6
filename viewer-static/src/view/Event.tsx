/** @jsxImportSource preact */
/**
 * One row of the timeline: time, mark, what happened. The same for the live page and for an exported file: it holds no state,
 * what is open is given, and what a reader does is told through `acts`, which a file does not have.
 */
import { asksPeople } from "agent-sync/events"
import type { Item } from "../timeline/Item.ts"
import type { ItemRow, Row } from "../timeline/rows.ts"
import { bytes, clockOf, cost, duration, firstLine, minuteOf, momentOf, plural, short } from "../words.ts"
import { Ansi } from "./Ansi.tsx"
import { Asked, Question } from "./Asked.tsx"
import { CallLine, ChangeLine, RunLine } from "./Call.tsx"
import { Changed } from "./CallBody.tsx"
import { type Around, Fold } from "./Fold.tsx"
import { Icon, type Shape } from "./icons.tsx"
import { Markdown } from "./Markdown.tsx"
import { CHARACTERS, Long, Raw } from "./Raw.tsx"
import { Shot } from "./Shot.tsx"

export const EventRow = (props: {
  readonly row: Row
  readonly here: boolean
  readonly raw: boolean
  readonly around: Around
}) => {
  const { around, here, raw, row } = props
  if (row._tag === "Day") {
    return (
      <div class="ev brk day">
        <span class="at" />
        <Mark shape="boundary" />
        <div class="what-col mark-line">
          <b>{row.text}</b>
        </div>
      </div>
    )
  }
  const { className, shape } = row._tag === "Run" ? { className: "call ok", shape: "ok" as const } : looksOf(row.item)
  const time = row._tag === "Run" ? row.calls[0]!.time : row.item.time
  return (
    <div class={`ev ${className}${here ? " here" : ""}`}>
      <At id={row.id} clock={row.clock} time={time} around={around} />
      <Mark shape={shape} />
      <div class="what-col" dir="auto">
        {row._tag === "Run" ? <RunLine row={row} around={around} /> : <Body row={row} around={around} />}
        {row._tag === "Item" ? <CutNote row={row} around={around} /> : null}
        {raw && row._tag === "Item" ? <Raw item={row.item} around={around} /> : null}
      </div>
    </div>
  )
}

const At = ({ around, clock, id, time }: { id: string; clock: string; time: number; around: Around }) =>
  time === 0 ? (
    <span class="at" />
  ) : (
    <a
      class="at"
      href={around.acts?.href(id) ?? `#${encodeURIComponent(id)}`}
      aria-label={clockOf(time)}
      title={momentOf(time)}
    >
      {clock}
    </a>
  )

const Mark = ({ shape }: { shape: Shape }) => (
  <span class="mk">
    <Icon name={shape} />
  </span>
)

/** Of what was too long for one event: how much there is, and the way to it. */
const CutNote = ({ around, row }: { row: ItemRow; around: Around }) => {
  const { item, open } = row
  const stands = open || around.whole || item._tag === "Prompt" || item._tag === "Say" || item._tag === "Printed"
  if (item.cut === undefined || item.cut.whole || !stands) return null
  const { bytes: size, why } = item.cut
  return (
    <p class="soft small cut-note">
      {why ?? "Too long for one event: it stands here cut."}{" "}
      {around.acts === undefined || why !== undefined ? (
        `The whole has ${bytes(size)}.`
      ) : (
        <button type="button" class="link" onClick={() => around.acts?.whole(item.id)}>
          Show all {bytes(size)}
        </button>
      )}
    </p>
  )
}

const looksOf = (item: Item): { readonly className: string; readonly shape: Shape } => {
  switch (item._tag) {
    case "Prompt":
      return { className: "prompt", shape: "prompt" }
    case "Say":
      return { className: "say", shape: "say" }
    case "Thought":
      return { className: "think", shape: "think" }
    case "Picture":
      return { className: "img", shape: "note" }
    case "Change":
      return { className: "call ok", shape: "ok" }
    case "Call":
      if (asksPeople(item.name)) {
        return item.state === "open"
          ? { className: "ask open", shape: "waiting" }
          : { className: "ask", shape: "asked" }
      }
      if (item.state === "open") return { className: "call live", shape: "running" }
      return item.state === "ok" ? { className: "call ok", shape: "ok" } : { className: "call bad", shape: "bad" }
    case "Ask":
      return item.decision === "asked"
        ? { className: "ask open", shape: "waiting" }
        : { className: "ask", shape: "asked" }
    case "Trouble":
      return { className: "warn", shape: "warn" }
    case "TurnEnd":
      return { className: "end", shape: "end" }
    case "Boundary":
      return {
        className: item.what === "failed" ? "brk bad" : "brk",
        shape: item.what === "failed" ? "bad" : "boundary"
      }
    case "Printed":
      return { className: "printed", shape: "note" }
    case "Quiet":
      return { className: "note", shape: "note" }
  }
}

const Body = ({ around, row }: { row: ItemRow; around: Around }) => {
  const { item } = row
  switch (item._tag) {
    case "Prompt":
      return (
        <h2 class="said" data-at={minuteOf(item.time)}>
          {item.text.length > 4_000 ? <Long text={item.text} /> : item.text}
        </h2>
      )
    case "Say":
      return (
        <div class="said">
          <Markdown text={item.text} />
        </div>
      )
    case "Thought":
      return (
        <Fold
          row={row}
          around={around}
          line={
            <>
              <span>Thought</span>
              <span class="gist cut">{firstLine(item.text)}</span>
            </>
          }
        >
          <div class="full">
            <Markdown text={item.text} />
          </div>
        </Fold>
      )
    case "Picture":
      return <Shot picture={item} />
    case "Call":
      return asksPeople(item.name) ? <Question call={item} /> : <CallLine row={row} call={item} around={around} />
    case "Change":
      return (
        <Fold row={row} around={around} line={<ChangeLine change={item.change} around={around} />}>
          <Changed change={item.change} whole={around.whole} />
        </Fold>
      )
    case "Ask":
      return <Asked ask={item} around={around} />
    case "Trouble":
      return (
        <div class="call">
          {item.text.length > 200 || item.text.includes("\n") ? (
            <Fold
              row={row}
              around={around}
              line={
                <>
                  <span class="name">{item.title}</span>
                  <span class="res cut">{firstLine(item.text)}</span>
                </>
              }
            >
              <div class="card">
                <pre class="out" tabIndex={0}>
                  <Ansi text={item.text.slice(0, CHARACTERS)} />
                </pre>
              </div>
            </Fold>
          ) : (
            <div class="fold">
              <span class="name">{item.title}</span>
              <span class="res">{item.text}</span>
              <span class="end">{item.figure}</span>
            </div>
          )}
        </div>
      )
    case "TurnEnd": {
      const { figures, how, number, tookMs, tools } = item
      const tokens = (figures.input ?? 0) + (figures.output ?? 0) + (figures.cacheWrite ?? 0)
      return (
        <div class="turn-end">
          <span>{`Turn${number === undefined ? "" : ` ${number}`} ${how}`}</span>
          {tookMs === undefined ? null : <span>{duration(tookMs)}</span>}
          {tools > 0 ? <span>{plural(tools, "tool")}</span> : null}
          {tokens > 0 ? <span>{short(tokens)} tokens</span> : null}
          {figures.costUsd === undefined ? null : <span>{cost(figures.costUsd)}</span>}
        </div>
      )
    }
    case "Boundary": {
      const line = (
        <>
          <b>
            {
              {
                began: "Session began",
                "goes on": "Session goes on",
                ended: "Ended",
                failed: "Failed",
                compacted: "Compacted",
                branched: "Branched"
              }[item.what]
            }
          </b>
          <span class="cut">{item.text}</span>
        </>
      )
      if (item.more === undefined) return <div class="mark-line">{line}</div>
      return (
        <Fold row={row} around={around} className="mark-line" line={line}>
          <div class="full">
            <Markdown text={item.more} />
          </div>
        </Fold>
      )
    }
    case "Printed":
      return (
        <pre class="line">
          <Ansi text={item.text.slice(0, CHARACTERS)} />
        </pre>
      )
    case "Quiet":
      return (
        <div class="quiet cut">
          <span class="name">{item.title}</span> {firstLine(item.text, 400)}
        </div>
      )
  }
}
