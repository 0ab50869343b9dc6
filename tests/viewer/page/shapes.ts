/** What the page decodes with, as it is bundled: the domain on the small Schema. */
export * as events from "agent-sync/events"
export { is } from "effect/Schema"
