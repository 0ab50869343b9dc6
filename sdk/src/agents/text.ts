/** Output of a program we know nothing about: each line that is not blank is a note. */
import type { Adapter } from "./Adapter.ts"
import { makeStamp } from "./Stamp.ts"
import { output } from "./unread.ts"

export const text: Adapter = {
  agent: "text",
  agentName: "Program",
  format: "stdout",
  recognizes: () => true,
  open: (run) => ({
    read: (line) =>
      line.text.trim() === ""
        ? { events: [] }
        : { events: [output(makeStamp(text, line)(`${run}:${line.ordinal}`), line.text)] },
    end: () => ({ events: [] })
  })
}
