/** A session as the viewer draws it: one HTML file that opens anywhere and runs nothing, or Markdown for a pull request. */
import { type SessionProof, type Shown, VERSION } from "agent-sync"
import { makeTimeline, provenHtml, sessionHtml, sessionMarkdown, type Timeline } from "#viewer"
import css from "#viewer/style"
import type { Exported, Format } from "./formats.ts"

export const html: Format = (session) => {
  const { history, proof } = session
  const now = Date.now()
  if (proof === undefined) {
    const title = session.title ?? session.session
    return sessionHtml({ title, now, timeline: timelineOf(session), partial: false, css })
  }
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone
  return proven(proof, { session: session.session, now, zone, history, version: VERSION })
}

export const md: Format = (session) => {
  const about = { title: session.title ?? session.session, partial: false, now: Date.now() }
  return `${sessionMarkdown({ ...about, timeline: timelineOf(session) }).trimEnd()}\n`
}

/** The file that a proof stands for, in the time zone that this process is in. */
export const proven = (proof: SessionProof, shown: Shown): string => provenHtml(proof, shown, css)

const timelineOf = ({ events }: Exported) => {
  const timeline: Timeline = makeTimeline()
  // Updates and doubles of other writers were settled when the events were collected.
  for (const [at, event] of events.entries()) {
    timeline.add({ sequence: at + 1, writer: "", content: { _tag: "Event", event } })
  }
  return timeline
}
