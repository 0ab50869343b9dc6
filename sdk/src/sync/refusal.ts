/** What a hub's refusal of a write means for the person, and what to do: one sentence each, the same for every log. */
import type { Refusal } from "../protocol/Message.ts"
import { quoted } from "./hubWords.ts"

export const explained = ({ code, reason }: Refusal): string => {
  switch (code) {
    case "retired":
      return "The hub has retired a session's log and takes no more of it. What it did not take stays in this machine's journal; a session that goes on gets a new log."
    case "quota":
      return `The hub is full: ${quoted(sentence(reason))} What it did not take stays in this machine's journal and is sent once there is room: set a retention, or ask whoever runs the hub to raise the quota.`
    case "forbidden":
      return `The hub does not take what this token writes: ${quoted(sentence(reason))} It stays in this machine's journal. Whoever runs the hub makes a token that may: agent-sync token create --role write`
    case "too-large":
      return `The hub does not take an entry: ${quoted(sentence(reason))} It stays in this machine's journal; the rest of its session goes on.`
    case "storage":
      return `The hub could not store what was sent: ${quoted(sentence(reason))} It stays in this machine's journal and is sent again.`
  }
}

const sentence = (text: string) => (/[.!?]$/.test(text) ? text : `${text}.`)
