/** `#viewer`, as `viewer.d.ts` tells it. */
import type * as Public from "../../viewer.d.ts"
import { makeTimeline as make, type Timeline } from "../timeline/Timeline.ts"
import { carriedProof as carried, sessionHtml as html } from "./html.tsx"
import { sessionMarkdown as markdown } from "./markdown.ts"
import { provenHtml as proven } from "./proven.ts"

export const makeTimeline = make satisfies typeof Public.makeTimeline
type Own<A> = Omit<A, "timeline"> & { readonly timeline: Timeline }
export const sessionHtml = html satisfies (options: Own<Parameters<typeof Public.sessionHtml>[0]>) => string
export const sessionMarkdown = markdown satisfies (options: Own<Public.Exported>) => string
export const carriedProof = carried satisfies typeof Public.carriedProof
export const provenHtml = proven satisfies typeof Public.provenHtml
