/** @jsxImportSource preact */
/** A session's head: what it is, where and since when it runs, what it cost so far, and the ways to look at it. */
import { type Figures, tokensOf } from "agent-sync/events"
import { projectOf, stateOf, titleOf } from "../fleet.ts"
import { type Log, type Model, shownOf } from "../Model.ts"
import type { Listed } from "../Source.ts"
import type { Message } from "../update.ts"
import { cost, duration, grouped, minuteOf, modelOf, momentOf, short } from "../words.ts"
import { StateMark } from "./FleetPage.tsx"
import { Icon } from "./icons.tsx"

export interface Hands {
  readonly copy: (text: string) => void
  readonly export: (format: "html" | "md", proof?: boolean) => void
}

const TABS = [
  ["timeline", "Timeline"],
  ["chat", "Chat"],
  ["artifacts", "Artifacts"],
  ["audit", "Audit"],
  ["summary", "Summary"]
] as const

export const Head = (props: {
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
  // What has not been read is not searched.
  const missing = log.partial ? `none in ${grouped(log.count)}` : "none"
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
    <>
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
          <Fact
            name="Place"
            hidden
            value={[projectOf(session), branch ?? ""].filter((part) => part !== "").join(", ")}
          />
          <Fact name="on" wide value={origin.host ?? known.host ?? ""} />
          <Fact name="started" wide value={momentOf(started, model.now)} />
          <Fact name="time" value={ended > started ? duration(ended - started) : ""} />
          <Fact name="tokens" value={tokensOf(figures) > 0 ? short(tokensOf(figures)) : ""} />
          <Fact name="cost" value={figures.costUsd === undefined ? "" : cost(figures.costUsd)} />
        </dl>
        {model.shared ? (
          <p class="soft small">
            You read this session by a share link. A recording that joins it later needs a new link from whoever shared
            it.
          </p>
        ) : null}
        {log.refused === undefined ? null : (
          <p class="err">
            <b>{log.refused.code === "retired" ? "Retired by the hub" : "The hub does not give this log"}</b>{" "}
            <q>{log.refused.reason}</q>
          </p>
        )}
      </div>
      <div class="head">
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
                {reading.hits.length === 0 ? missing : `${grouped(reading.hit + 1)} of ${grouped(reading.hits.length)}`}
              </span>
            )}
          </label>
          <span class="exports">
            <button
              type="button"
              class="link"
              title="With its proof: the sealed entries, who signed them, and the key that opens them"
              onClick={() => hands.export("html", true)}
            >
              Save as HTML
            </button>
            <button type="button" class="link" onClick={() => hands.export("html")}>
              without proof
            </button>
            <button type="button" class="link" onClick={() => hands.export("md")}>
              Markdown
            </button>
          </span>
        </div>
      </div>
    </>
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
