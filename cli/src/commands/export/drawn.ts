/** A session as the viewer draws it: one HTML file that opens anywhere and runs nothing, or Markdown for a pull request. */
import { makeTimeline, sessionHtml, sessionMarkdown, type Timeline } from "#viewer"
import css from "#viewer/style"
import type { Exported, Format } from "./formats.ts"

export const html: Format = (session) => sessionHtml({ ...drawn(session), css })

export const md: Format = (session) => `${sessionMarkdown(drawn(session)).trimEnd()}\n`

const drawn = ({ events, session, title }: Exported) => {
  const timeline: Timeline = makeTimeline()
  // Updates and doubles of other writers were settled when the events were collected.
  for (const [at, event] of events.entries()) {
    timeline.add({ sequence: at + 1, writer: "", content: { _tag: "Event", event } })
  }
  return { title: title ?? session, timeline, partial: false, now: Date.now() }
}
