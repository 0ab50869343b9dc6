/** @jsxImportSource preact */
/** A tool call in one line: what it did, to what, the one fact worth a place, how it ended and how long it took. */
import { clean, summarize, yieldOf } from "agent-sync/events"
import type { Call, FileChange } from "../timeline/Item.ts"
import type { Row } from "../timeline/rows.ts"
import { duration, firstLine, plural, short, shortPath } from "../words.ts"
import { CallBody } from "./CallBody.tsx"
import { type Around, Fold } from "./Fold.tsx"

export const RunLine = ({ around, row }: { row: Extract<Row, { readonly _tag: "Run" }>; around: Around }) => {
  const took = row.calls.reduce((sum, { tookMs = 0 }) => sum + tookMs, 0)
  return (
    <Fold
      row={row}
      around={around}
      line={
        <>
          <span class="name">{row.text}</span>
          <span class="end">{duration(took)}</span>
          <span class="hide">succeeded</span>
        </>
      }
    >
      {around.whole
        ? row.calls.map((call) => (
            <CallLine key={call.id} row={{ id: call.id, open: false }} call={call} around={around} />
          ))
        : null}
    </Fold>
  )
}

const STATES = { open: "running", ok: "succeeded", failed: "failed", lost: "no result", denied: "denied" }

export const CallLine = ({
  around,
  call,
  row
}: {
  row: { readonly id: string; readonly open: boolean }
  call: Call
  around: Around
}) => {
  const { detail, form, label, text } = summarize(call.name, call.input)
  const shown = form === "path" ? shortPath(clean(text), around.cwd) : firstLine(clean(text), 300)
  const took =
    call.state === "open"
      ? `${duration(Math.max(0, around.now - call.time))} so far`
      : call.tookMs === undefined
        ? ""
        : duration(call.tookMs)
  return (
    <Fold
      row={row}
      around={around}
      line={
        <>
          <span class="name">{clean(label)}</span>
          <bdi class="arg cut">{shown}</bdi>
          <span class="res cut">
            {call.changes.length > 0 ? (
              <Counts changes={call.changes} />
            ) : row.open && call.state === "failed" ? null : (
              factOf(call, detail)
            )}
          </span>
          <span class="end">
            {call.exitCode === undefined || call.exitCode === 0 ? null : (
              <span class="exit">{`exit ${call.exitCode}`}</span>
            )}
            {call.state === "lost" || call.state === "denied" ? <span>{STATES[call.state]}</span> : null}
            <span>{took}</span>
          </span>
          <span class="hide">{STATES[call.state]}</span>
        </>
      }
    >
      <CallBody call={call} around={around} id={row.id} />
    </Fold>
  )
}

/** The one fact worth a place in the line. */
const factOf = (call: Call, detail: string | undefined): string => {
  if (call.tools > 0 || call.about !== undefined) {
    const facts = [
      call.about ?? detail ?? "",
      call.tools > 0 ? plural(call.tools, "tool") : "",
      call.tokens > 0 ? `${short(call.tokens)} tokens` : ""
    ]
    return facts.filter((fact) => fact !== "").join(", ")
  }
  if (detail !== undefined) return clean(detail)
  const { result, state } = call
  if (result === undefined || (state === "failed" && call.changes.length > 0)) return ""
  const lines = clean(result.slice(0, 20_000))
    .split("\n")
    .filter((line) => line.trim() !== "")
  if (lines.length === 0) return "no output"
  if (state === "failed")
    return firstLine(
      lines.find((line) => /\b(error|fail|failed|panic|denied|not found)\b/i.test(line)) ?? lines.at(-1)!,
      120
    )
  const counted = /^Found (\d+ \w+)/i.exec(lines[0]!)?.[1]
  if (counted !== undefined) return counted
  const yields = yieldOf(call.name)
  if (yields === "change" || yields === "nothing") return ""
  if (yields !== undefined)
    return plural(
      result.trimEnd().split("\n").length,
      yields === "lines" ? "line" : yields === "files" ? "file" : "match",
      yields === "matches" ? "matches" : undefined
    )
  return firstLine(lines.at(-1)!.trim(), 120)
}

const Counts = ({ changes }: { changes: ReadonlyArray<FileChange> }) => {
  const added = changes.reduce((sum, change) => sum + (change.added ?? 0), 0)
  const removed = changes.reduce((sum, change) => sum + (change.removed ?? 0), 0)
  return (
    <>
      {added > 0 ? <span class="plus">+{added}</span> : null}{" "}
      {removed > 0 ? <span class="minus">−{removed}</span> : null}
    </>
  )
}
export const ChangeLine = ({ around, change }: { change: FileChange; around: Around }) => (
  <>
    <span class="name">{{ add: "Added", update: "Changed", delete: "Deleted" }[change.change]}</span>
    <bdi class="arg cut">{shortPath(clean(change.path), around.cwd)}</bdi>
    <span class="res">
      <Counts changes={[change]} />
    </span>
  </>
)
