/** `agent-sync/viewer`: a session as a file, drawn as the page draws it. Pure: entries in, text out. */
export { type Exported, sessionHtml } from "./html.tsx"
export { sessionMarkdown } from "./markdown.ts"
export { type Entry, makeTimeline, type Timeline } from "../timeline/Timeline.ts"
