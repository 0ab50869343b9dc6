/** @jsxImportSource preact */
/**
 * One row of the timeline: time, mark, what happened. The same for the live page and for an exported file: it holds no state,
 * what is open is given, and what a reader does is told through `acts`, which a file does not have.
 */
import { asksPeople, clean, isSubagent, questionOf, summarize, yieldOf } from "agent-sync/events"
import type { ComponentChildren } from "preact"
import type { Ask, Call, FileChange, Item, Picture } from "../timeline/Item.ts"
import { type ItemRow, isPlan, type Row } from "../timeline/rows.ts"
import { bytes, clockOf, cost, duration, firstLine, grouped, momentOf, plural, short, shortPath } from "../words.ts"
import { Ansi } from "./Ansi.tsx"
import { Code, languageOf } from "./Code.tsx"
import { Diff, patchOf } from "./Diff.tsx"
import { Icon, type Shape } from "./icons.tsx"
import { Markdown } from "./Markdown.tsx"

export interface Acts {
  readonly fold: (id: string, open: boolean) => void
  readonly raw: (id: string) => void
  readonly copy: (text: string) => void
  readonly href: (id: string) => string
}
export interface Around {
  readonly cwd: string | undefined
  readonly now: number
  /** Absent in a file. */
  readonly acts: Acts | undefined
  /** A file shows what is folded too, behind its summary. */
  readonly whole: boolean
}

/** Lines and characters of output that stand at once; the rest on demand. */
const LINES = 12
const CHARACTERS = 100_000

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
        <h2 class="said" data-at={row.clock}>
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
          <Changed change={item.change} />
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

/** A line that opens. In the page the model knows what is open; in a file the browser does. */
const Fold = (props: {
  readonly row: { readonly id: string; readonly open: boolean }
  readonly around: Around
  readonly line: ComponentChildren
  readonly className?: string
  readonly children: ComponentChildren
}) => {
  const { around, children, className = "", line, row } = props
  const toggled = (event: { readonly currentTarget: unknown }) => {
    const { open = false } = event.currentTarget as { readonly open?: boolean }
    if (open !== row.open) around.acts?.fold(row.id, open)
  }
  return (
    <details open={row.open} {...(around.acts === undefined ? {} : { onToggle: toggled })}>
      <summary class={`fold ${className}`}>
        {line}
        <Icon name="chevron" class="chev" />
      </summary>
      {row.open || around.whole ? children : null}
    </details>
  )
}

// Calls --------------------------------------------------------------------------------------------------------------

const RunLine = ({ around, row }: { row: Extract<Row, { readonly _tag: "Run" }>; around: Around }) => {
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

const CallLine = ({
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
const ChangeLine = ({ around, change }: { change: FileChange; around: Around }) => (
  <>
    <span class="name">{{ add: "Added", update: "Changed", delete: "Deleted" }[change.change]}</span>
    <bdi class="arg cut">{shortPath(clean(change.path), around.cwd)}</bdi>
    <span class="res">
      <Counts changes={[change]} />
    </span>
  </>
)

const CallBody = ({ around, call, id }: { call: Call; around: Around; id: string }) => {
  if (isPlan(call)) return <Plan input={call.input} />
  const { form, text } = summarize(call.name, call.input)
  const fields =
    typeof call.input === "object" && call.input !== null ? (call.input as Readonly<Record<string, unknown>>) : {}
  const path = form === "path" ? text : ""
  const before = fields.old_string
  const after = fields.new_string
  const parts: Array<ComponentChildren> = []
  if (call.changes.length > 0) parts.push(call.changes.map((change, key) => <Changed key={key} change={change} />))
  else if (typeof before === "string" && typeof after === "string" && before.length + after.length < 40_000) {
    parts.push(
      <div class="card">
        <Diff patch={patchOf(path, clean(before), clean(after))} path={path} />
      </div>
    )
  } else if (form === "path" && typeof fields.content === "string") {
    parts.push(<Code text={clean(fields.content.slice(0, CHARACTERS))} language={languageOf(path)} />)
  }
  const long = form === "command" && (text.includes("\n") || text.length > 80)
  if (long) parts.push(<Code text={clean(text.slice(0, CHARACTERS))} language="bash" />)
  if (form === "fields" && Object.keys(fields).length > 0)
    parts.push(<Code text={jsonOf(call.input)} language="json" />)
  // What an edit tool answers repeats what the diff shows.
  const said =
    call.tools === 0 &&
    call.result !== undefined &&
    call.result.trim() !== "" &&
    (call.state === "failed" || parts.length === 0 || long || form === "fields")
  if (said) {
    parts.push(
      call.about !== undefined || isSubagent(call.name) ? (
        <div class="said">
          <Markdown text={clean(call.result!)} />
        </div>
      ) : form === "path" ? (
        <Code
          text={clean(call.result!.slice(0, CHARACTERS)).replace(/^ *\d+[→\t]/gm, "")}
          language={languageOf(path)}
        />
      ) : (
        <Output text={call.result!} omitted={call.omitted} tail={call.state === "failed"} />
      )
    )
  }
  if (parts.length === 0 && call.tools === 0 && call.about === undefined)
    parts.push(<p class="soft small">{call.state === "open" ? "No result yet" : "No output"}</p>)
  return (
    <>
      {parts.map((part, key) => (
        <div key={key}>{part}</div>
      ))}
      {around.acts === undefined ? null : (
        <div class="more-acts">
          {call.result === undefined || call.result.trim() === "" ? null : (
            <button type="button" onClick={() => around.acts?.copy(call.result ?? "")}>
              Copy output
            </button>
          )}
          {form === "command" ? (
            <button type="button" onClick={() => around.acts?.copy(text)}>
              Copy command
            </button>
          ) : null}
          <button type="button" onClick={() => around.acts?.raw(id)}>
            Raw event
          </button>
        </div>
      )}
    </>
  )
}

/** The last lines where it failed, for trouble comes last; all where it is short. */
const Output = ({ omitted, tail, text }: { text: string; omitted: number; tail: boolean }) => {
  const lines = text.trimEnd().slice(-CHARACTERS).split("\n")
  const cut = tail && lines.length > LINES + 4
  const above = lines.slice(0, -LINES)
  const left = omitted + Math.max(0, text.length - CHARACTERS)
  return (
    <div class="card">
      {cut ? (
        <details class="above">
          <summary class="foot">Show {plural(above.length, "line")} above</summary>
          <pre class="out" tabIndex={0}>
            <Ansi text={above.join("\n")} />
          </pre>
        </details>
      ) : null}
      <pre class="out" tabIndex={0}>
        <Ansi text={(cut ? lines.slice(-LINES) : lines).join("\n")} />
      </pre>
      {left > 0 ? <p class="foot">{grouped(left)} characters are not shown</p> : null}
    </div>
  )
}

const Changed = ({ change }: { change: FileChange }) => (
  <div class="card">
    {change.patch === undefined || change.patch === "" ? (
      <p class="foot">The agent did not say what changed</p>
    ) : (
      <Diff patch={change.patch} path={change.path} />
    )}
    {change.omitted === undefined || change.omitted === 0 ? null : (
      <p class="foot">{grouped(change.omitted)} characters are not shown</p>
    )}
  </div>
)

const Plan = ({ input }: { input: unknown }) => {
  const fields = (typeof input === "object" && input !== null ? input : {}) as Readonly<Record<string, unknown>>
  const steps = [fields.todos, fields.plan].flatMap((list) =>
    Array.isArray(list) ? (list as ReadonlyArray<unknown>) : []
  )
  return (
    <ul class="todo">
      {steps.map((step, key) => {
        const {
          content,
          status,
          step: named
        } = (typeof step === "object" && step !== null ? step : {}) as Readonly<Record<string, unknown>>
        const text = typeof content === "string" ? content : typeof named === "string" ? named : ""
        const [name, shape, said] =
          status === "completed"
            ? (["done", "ok", "done"] as const)
            : status === "in_progress"
              ? (["doing", "running", "under way"] as const)
              : (["", "box", "to do"] as const)
        return (
          <li key={key} class={name}>
            <Icon name={shape} />
            <span>
              <span class="hide">{said}: </span>
              {clean(text)}
            </span>
          </li>
        )
      })}
    </ul>
  )
}

// Questions, permissions, pictures -----------------------------------------------------------------------------------

const Question = ({ call }: { call: Call }) => {
  const question = questionOf(call.name, call.input)
  const fields = (typeof call.input === "object" && call.input !== null ? call.input : {}) as {
    readonly questions?: unknown
    readonly plan?: unknown
  }
  const first = Array.isArray(fields.questions)
    ? (fields.questions[0] as { readonly options?: unknown } | undefined)
    : undefined
  const options = (Array.isArray(first?.options) ? (first.options as ReadonlyArray<unknown>) : []).map((option) => {
    const { description, label } = (
      typeof option === "object" && option !== null ? option : { label: option }
    ) as Readonly<Record<string, unknown>>
    return {
      label: typeof label === "string" ? clean(label) : "…",
      description: typeof description === "string" ? clean(description) : undefined
    }
  })
  const answer =
    call.result === undefined
      ? ""
      : [...call.result.matchAll(/"="([^"]*)"/g)].map(([, one]) => one).join(", ") || firstLine(clean(call.result), 300)
  return (
    <>
      <div class="open-q">
        <span class="who">Asks you</span> {question === undefined ? "to agree to its plan" : clean(question.text)}
      </div>
      {typeof fields.plan === "string" ? (
        <div class="said">
          <Markdown text={clean(fields.plan)} />
        </div>
      ) : null}
      {options.length > 0 ? (
        <div class="said">
          <ol>
            {options.map(({ description, label }, key) => (
              <li key={key}>
                {label}
                {description === undefined ? null : <span class="soft"> {description}</span>}
              </li>
            ))}
          </ol>
        </div>
      ) : null}
      {call.state === "open" ? null : (
        <div class={`verdict ${call.state === "ok" ? "yes" : "not"}`}>
          <Icon name={call.state === "ok" ? "ok" : "bad"} />
          <span>
            {call.state === "ok" ? "Answered" : "Not answered"}
            {call.tookMs === undefined ? "" : ` after ${duration(call.tookMs)}`}
            {answer === "" ? null : (
              <>
                : <q>{answer}</q>
              </>
            )}
          </span>
        </div>
      )}
    </>
  )
}

const Asked = ({ around, ask }: { ask: Ask; around: Around }) => {
  const what = ask.tool === undefined ? undefined : summarize(ask.tool, ask.input)
  const text =
    what === undefined
      ? ""
      : what.form === "path"
        ? shortPath(clean(what.text), around.cwd)
        : firstLine(clean(what.text), 300)
  return (
    <>
      <div class="what">
        <b>{ask.decision === "asked" ? "Asks" : "Asked"}</b>{" "}
        {what === undefined
          ? "for a permission"
          : `to ${what.form === "fields" ? `use ${clean(what.label)}` : what.verb}`}{" "}
        {what === undefined || what.form === "fields" || text === "" ? null : (
          <code>
            <bdi>{text}</bdi>
          </code>
        )}
        {ask.decision === "asked" ? <span class="waits"> waiting for you</span> : null}
      </div>
      {ask.decision === "asked" ? null : (
        <div class={`verdict ${ask.decision === "allowed" ? "yes" : "not"}`}>
          <Icon name={ask.decision === "allowed" ? "ok" : "bad"} />
          <span>
            {ask.decision === "allowed" ? "Allowed" : "Denied"}
            {ask.by === undefined ? "" : ` by ${ask.by}`}
            {ask.afterMs === undefined ? "" : ` after ${duration(ask.afterMs)}`}
            {ask.reason === undefined ? null : (
              <>
                : <q>{ask.reason}</q>
              </>
            )}
          </span>
        </div>
      )}
    </>
  )
}

/** Only what the event holds is drawn, and only as one of these: an address is never fetched, and SVG is left out. */
const PICTURES = /^image\/(png|jpeg|gif|webp|avif|bmp)$/
const LARGEST = 8_000_000

const Shot = ({ picture }: { picture: Picture }) => {
  const { bytes: content, mediaType, name, size } = picture
  const note = [name === undefined ? mediaType : clean(name), bytes(size)].join(", ")
  const drawn = content !== undefined && content.byteLength <= LARGEST && PICTURES.test(mediaType)
  return (
    <>
      {drawn ? <img class="shot" src={dataUrl(mediaType, content)} alt={`In the session: ${note}`} /> : null}
      <p class="shot-note">{drawn ? note : `Image, ${note}${content === undefined ? ", not recorded" : ""}`}</p>
    </>
  )
}
const urls = new WeakMap<Uint8Array, string>()
const dataUrl = (mediaType: string, content: Uint8Array) => {
  const known = urls.get(content)
  if (known !== undefined) return known
  let text = ""
  for (let at = 0; at < content.byteLength; at += 8_192)
    text += String.fromCharCode(...content.subarray(at, at + 8_192))
  const url = `data:${mediaType};base64,${btoa(text)}`
  urls.set(content, url)
  return url
}

/** A long text by its beginning; the whole on demand. */
const Long = ({ text }: { text: string }) => (
  <>
    {text.slice(0, 1_500)}…
    <details class="above">
      <summary class="foot">Show all {grouped(text.length)} characters</summary>
      <pre class="long">{text.slice(0, CHARACTERS)}</pre>
    </details>
  </>
)

// Raw ----------------------------------------------------------------------------------------------------------------

const Raw = ({ around, item }: { item: Item; around: Around }) => {
  const text = jsonOf(item.events)
  return (
    <div class="card raw">
      <pre class="out" tabIndex={0}>
        {text}
      </pre>
      <div class="foot">
        <span>
          {plural(item.events.length, "event")}, {bytes(text.length)}
        </span>
        <span class="grow" />
        <button type="button" onClick={() => around.acts?.copy(text)}>
          Copy
        </button>
        <button type="button" onClick={() => around.acts?.raw(item.id)}>
          Close
        </button>
      </div>
    </div>
  )
}

/** JSON that is safe to show; bytes by their number, what nests too deep by a sentence. */
export const jsonOf = (value: unknown): string => {
  try {
    const text =
      JSON.stringify(
        value,
        (_, field: unknown) => (field instanceof Uint8Array ? `${field.byteLength} bytes` : field),
        2
      ) ?? "null"
    return (
      clean(text.slice(0, CHARACTERS)) +
      (text.length > CHARACTERS ? `\n… ${grouped(text.length - CHARACTERS)} more characters` : "")
    )
  } catch {
    return "It nests too deep to be shown."
  }
}
