/** An event that says `text` and nothing more, as it is sealed: what tests of the engine send about. */
import { encodeEvent } from "../../sdk/src/domain/Payload.ts"

export const note = (text: string) =>
  encodeEvent({
    key: text,
    time: 0,
    timeFrom: "arrival",
    source: { agent: "text", format: "stdout" },
    position: 0,
    group: "audit",
    kind: "note",
    data: { what: "output", text }
  })
