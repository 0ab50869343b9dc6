/** @jsxImportSource preact */
/** A session as one HTML file that opens anywhere without a network: the rows of the page, its style, and no script. */
import { sha256 } from "@noble/hashes/sha2.js"
import { base64 } from "@scure/base"
import { tokensOf } from "agent-sync/events"
import { renderToStaticMarkup } from "preact-render-to-string"
import { rowsOf } from "../timeline/rows.ts"
import type { Timeline } from "../timeline/Timeline.ts"
import { EventRow } from "../view/Event.tsx"
import { cost, duration, modelOf, momentOf, plural, short } from "../words.ts"

export interface Exported {
  readonly title: string
  readonly timeline: Timeline
  /** Its beginning is not here. */
  readonly partial: boolean
  /** Milliseconds since 1970, when it is written. */
  readonly now: number
}

/** What the file is drawn from, sealed and signed, to be held against it. */
export interface Carried {
  /** `printProof`. */
  readonly text: string
  readonly entries: number
  /** In which the times are: whoever made the file chose it. */
  readonly zone: string
}

export const sessionHtml = (options: Exported & { readonly css: string; readonly proof?: Carried }): string => {
  const { css, now, partial, proof, timeline, title } = options
  const { session } = timeline
  const facts = factsOf(timeline)
  const nested = everythingOpen(timeline)
  const rows = rowsOf(timeline, "timeline", nested)
  const around = { cwd: session.cwd, now, acts: undefined, whole: true }
  // Ends what a style sheet could be made to end.
  const style = `${css.replace(/<\//g, "<\\/")}\n`
  const digest = base64.encode(sha256(new TextEncoder().encode(style)))
  const body = renderToStaticMarkup(
    <main id="main" class="exported">
      <div class="head">
        <h1 dir="auto">{title}</h1>
        <dl class="facts">
          {facts.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd dir="auto">{value}</dd>
            </div>
          ))}
        </dl>
        {partial ? <p class="soft small">The beginning of the session is not in this file.</p> : null}
      </div>
      <div class="body">
        <ol class="log" aria-label="Timeline">
          {rows.map((row) => (
            <li
              key={row.id}
              id={row.id}
              class={`slot${row.level > 0 && row._tag !== "Day" ? ` nested n${row.level} ${row.edge}` : ""}`}
            >
              <EventRow row={row} here={false} raw={false} around={around} />
            </li>
          ))}
        </ol>
      </div>
      <p class="foot-note soft small">
        Written by agent-sync on {momentOf(now, 0)}
        {proof === undefined ? "" : `, with the times of ${proof.zone}`}. It needs no network and runs no script.
        {proof === undefined
          ? " It carries no proof: whoever has it can change it."
          : ` It carries its proof: the session's ${plural(proof.entries, "entry", "entries")}, sealed, as their writers signed them, and the key that opens them. agent-sync verify FILE holds this page against them, and says who signed. Whoever has this file can read all of the session, also what is folded or replaced here.`}
      </p>
    </main>
  )
  // Inert: a browser neither shows nor runs what is in a template. No text in it can end it.
  const carried =
    proof === undefined ? "" : `<template id="agent-sync-proof">${proof.text.replace(/</g, "\\u003c")}</template>`
  const policy = `default-src 'none'; style-src 'sha256-${digest}'; img-src data:; base-uri 'none'; form-action 'none'`
  const head = renderToStaticMarkup(
    <>
      <meta charset="utf-8" />
      <meta http-equiv="Content-Security-Policy" content={policy} />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="referrer" content="no-referrer" />
      <title>{title}</title>
    </>
  )
  return `<!doctype html>\n<html lang="en"><head>${head}<style>${style}</style></head><body>${body}${carried}</body></html>\n`
}

/** Subagents are drawn, however deep. Everything else stands as it does on the page; the browser opens it. */
const everythingOpen = (timeline: Timeline): ReadonlyMap<string, boolean> => {
  const open = new Map<string, boolean>()
  const walk = (items: Timeline["items"]) => {
    for (const item of items) {
      if (item._tag !== "Call") continue
      const under = timeline.under(item.call)
      if (under.length === 0) continue
      open.set(item.id, true)
      walk(under)
    }
  }
  walk(timeline.items)
  return open
}

export const factsOf = ({ session }: Timeline): ReadonlyArray<readonly [string, string]> => {
  const { agentName, branch, cwd, figures, host, lastAt, model, startedAt, version } = session
  const tokens = tokensOf(figures)
  const facts: ReadonlyArray<readonly [string, string]> = [
    ["Agent", [agentName ?? session.agent ?? "", version ?? ""].filter((part) => part !== "").join(" ")],
    ["Model", model === undefined ? "" : modelOf(model)],
    ["Folder", cwd ?? ""],
    ["Branch", branch ?? ""],
    ["Host", host ?? ""],
    ["Started", startedAt === undefined ? "" : momentOf(startedAt, 0)],
    ["Time", startedAt === undefined || lastAt === undefined ? "" : duration(lastAt - startedAt)],
    ["Tokens", tokens > 0 ? short(tokens) : ""],
    ["Cost", figures.costUsd === undefined ? "" : cost(figures.costUsd)]
  ]
  return facts.filter(([, value]) => value !== "")
}

/** The text of the proof in a file that `sessionHtml` wrote; undefined where there is none. */
export const carriedProof = (html: string): string | undefined =>
  /<template id="agent-sync-proof">([^<]*)<\/template>/.exec(html)?.[1]
