/** @jsxImportSource preact */
/** What the agent asked of a person, and what was answered: questions, and permissions. */
import { clean, questionOf, summarize } from "agent-sync/events"
import type { Ask, Call } from "../timeline/Item.ts"
import { duration, firstLine, shortPath } from "../words.ts"
import type { Around } from "./Fold.tsx"
import { Icon } from "./icons.tsx"
import { Markdown } from "./Markdown.tsx"

export const Question = ({ call }: { call: Call }) => {
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

export const Asked = ({ around, ask }: { ask: Ask; around: Around }) => {
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
