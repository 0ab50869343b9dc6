/** @jsxImportSource preact */
/** What a tool call shows when it is opened: the change as a diff, the command and its output, the plan, or the fields it was given. */
import { clean, isSubagent, summarize } from "agent-sync/events"
import type { ComponentChildren } from "preact"
import type { Call, FileChange } from "../timeline/Item.ts"
import { isPlan } from "../timeline/rows.ts"
import { grouped } from "../words.ts"
import { Code, languageOf } from "./Code.tsx"
import { Diff, patchOf } from "./Diff.tsx"
import type { Around } from "./Fold.tsx"
import { Icon } from "./icons.tsx"
import { Markdown } from "./Markdown.tsx"
import { Output } from "./Output.tsx"
import { CHARACTERS, jsonOf } from "./Raw.tsx"

export const CallBody = ({ around, call, id }: { call: Call; around: Around; id: string }) => {
  if (isPlan(call)) return <Plan input={call.input} />
  const { form, text } = summarize(call.name, call.input)
  const fields =
    typeof call.input === "object" && call.input !== null ? (call.input as Readonly<Record<string, unknown>>) : {}
  const path = form === "path" ? text : ""
  const before = fields.old_string
  const after = fields.new_string
  const parts: Array<ComponentChildren> = []
  const patched = call.changes.some(({ patch = "" }) => patch !== "")
  if (patched) parts.push(call.changes.map((change, key) => <Changed key={key} change={change} whole={around.whole} />))
  else if (typeof before === "string" && typeof after === "string" && before.length + after.length < 40_000) {
    parts.push(
      <div class="card">
        <Diff patch={patchOf(path, clean(before), clean(after))} path={path} whole={around.whole} />
      </div>
    )
  } else if (form === "path" && typeof fields.content === "string") {
    parts.push(<Code text={clean(fields.content.slice(0, CHARACTERS))} language={languageOf(path)} />)
  }
  const long = form === "command" && (text.includes("\n") || text.length > 80)
  if (long) parts.push(<Code text={clean(text.slice(0, CHARACTERS))} language="bash" />)
  if (form === "fields" && Object.keys(fields).length > 0)
    parts.push(<Code text={jsonOf(call.input)} language="json" />)
  const acts = <Acts around={around} call={call} command={form === "command" ? text : undefined} id={id} />
  let isOutput = false
  // What an edit tool answers repeats what the diff shows.
  const said =
    call.tools === 0 &&
    call.result !== undefined &&
    call.result.trim() !== "" &&
    (call.state === "failed" || parts.length === 0 || long || form === "fields")
  if (said) {
    const isReport = call.about !== undefined || isSubagent(call.name)
    isOutput = !isReport && form !== "path"
    parts.push(
      isReport ? (
        <div class="said">
          <Markdown text={clean(call.result!)} />
        </div>
      ) : form === "path" ? (
        <Code
          text={clean(call.result!.slice(0, CHARACTERS)).replace(/^ *\d+[→\t]/gm, "")}
          language={languageOf(path)}
        />
      ) : (
        <Output call={call} around={around} acts={acts} />
      )
    )
  }
  if (parts.length === 0 && call.changes.length > 0)
    parts.push(<p class="soft small">The agent did not say what changed</p>)
  if (parts.length === 0 && call.tools === 0 && call.about === undefined)
    parts.push(<p class="soft small">{call.state === "open" ? "No result yet" : "No output"}</p>)
  return (
    <>
      {parts.map((part, key) => (
        <div key={key}>{part}</div>
      ))}
      {isOutput ? null : acts}
    </>
  )
}

/** What a reader can do with a call; a file has nothing of it. */
const Acts = ({
  around,
  call,
  command,
  id
}: {
  around: Around
  call: Call
  command: string | undefined
  id: string
}) =>
  around.acts === undefined ? null : (
    <span class="more-acts">
      {call.result === undefined || call.result.trim() === "" ? null : (
        <button type="button" onClick={() => around.acts?.copy(call.result ?? "")}>
          Copy output
        </button>
      )}
      {command === undefined ? null : (
        <button type="button" onClick={() => around.acts?.copy(command)}>
          Copy command
        </button>
      )}
      <button type="button" onClick={() => around.acts?.raw(id)}>
        Raw event
      </button>
    </span>
  )

export const Changed = ({ change, whole }: { change: FileChange; whole: boolean }) => (
  <div class="card">
    {change.patch === undefined || change.patch === "" ? (
      <p class="foot">The agent did not say what changed</p>
    ) : (
      <Diff patch={change.patch} path={change.path} whole={whole} />
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
