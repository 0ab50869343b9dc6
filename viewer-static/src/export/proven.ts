/** A session's file with what proves it: drawn from the sealed entries themselves, so that who has them can draw it again and compare. */
import { printProof, provenEntries, provenTitle, type SessionProof, type Shown } from "agent-sync/browser"
import { makeCollector } from "agent-sync/events"
import { makeTimeline } from "../timeline/Timeline.ts"
import { sessionHtml } from "./html.tsx"

/** To the letter the same wherever it is drawn, in one version and one time zone. */
export const provenHtml = (proof: SessionProof, shown: Shown, css: string): string => {
  const { history, now, zone } = shown
  const entries = provenEntries(proof)
  const collector = makeCollector(history)
  for (const { content, writer } of entries) {
    if (content._tag === "Event") collector.add(content.event, writer)
  }
  const timeline = makeTimeline()
  // Updates and doubles of other writers are settled.
  for (const [at, event] of collector.events().entries()) {
    timeline.add({ sequence: at + 1, writer: "", content: { _tag: "Event", event } })
  }
  const carried = { text: printProof(proof, shown), entries: proof.entries.length, zone }
  return sessionHtml({ title: provenTitle(entries), now, timeline, partial: false, css, proof: carried })
}
