/** How the page stands with the hub, and whether all is there that should be: a shape, a word, one fact. */
import type { Model } from "./Model.ts"
import { logOf } from "./update.ts"
import { ago, dateOf, grouped, minuteOf, plural } from "./words.ts"

const DAY = 86_400_000

interface Standing {
  readonly name: string
  readonly shape: "connecting" | "live" | "behind" | "offline" | "refused" | "warn"
  readonly word: string
  readonly fact: string
}

/** Where they were recorded. */
const SENT_AGAIN = "agent-sync push --again sends again"

export const standingOf = (model: Model): Standing => {
  const { behind, blocked, connection, now } = model
  if (blocked === "wrong key")
    return { name: "part", shape: "warn", word: "Cannot open", fact: "another key sealed this" }
  if (blocked !== undefined) return { name: "off", shape: "offline", word: "Not connected", fact: "" }
  // Who has a link has no machine where the session was recorded.
  const again = model.shared ? "" : SENT_AGAIN
  switch (connection._tag) {
    case "Connecting":
      return { name: "join", shape: "connecting", word: "Connecting", fact: "" }
    case "Offline": {
      const next = Math.ceil((connection.retryAt - now) / 1000)
      const fact = next > 0 ? `next try in ${next} s` : "trying now"
      return { name: "off", shape: "offline", word: `Offline since ${minuteOf(connection.since)}`, fact }
    }
    case "Refused":
      return { name: "no", shape: "refused", word: "Refused", fact: `“${connection.error}”` }
    case "Live": {
      if (behind > 0)
        return { name: "late", shape: "behind", word: `Behind by ${grouped(behind)}`, fact: "catching up" }
      const log = logOf(model)
      if (log?.refused !== undefined) {
        const word = log.refused.code === "retired" ? "Live, session retired" : "Live, session refused"
        return { name: "part", shape: "warn", word, fact: `“${log.refused.reason}”` }
      }
      const logs = log === undefined ? [...model.logs.values()] : [log]
      const index = lackOf(model)
      const unopened = logs.reduce((sum, one) => sum + one.unopened, index.unopened)
      const gone = logs.reduce((sum, one) => sum + one.gone, index.gone)
      if (unopened > 0) return { name: "part", shape: "warn", word: `Live, ${grouped(unopened)} not opened`, fact: "" }
      if (gone > 0) return { name: "part", shape: "warn", word: `Live, ${grouped(gone)} gone`, fact: again }
      if (index.forked || logs.some(({ forked }) => forked))
        return { name: "part", shape: "warn", word: "Live, two histories", fact: "agent-sync verify says whose" }
      if (model.replaced) return { name: "part", shape: "warn", word: "Live, hub emptied", fact: again }
      const { replay } = model.reading
      if (log !== undefined && replay !== undefined) {
        const newer = log.count - replay.at
        return { name: "live", shape: "live", word: "Live", fact: newer > 0 ? plural(newer, "newer event") : "" }
      }
      const last = Math.max(0, ...logs.map(({ timeline }) => timeline.session.lastAt ?? 0))
      const when = now - last < 2_000 ? "now" : now - last < DAY ? `${ago(now - last)} ago` : dateOf(last, now)
      const fact = last === 0 ? "" : `last event ${when}`
      return { name: "live", shape: "live", word: "Live", fact }
    }
  }
}

/** What is not right with the list of sessions. */
const lackOf = ({ indexNotices }: Model) => {
  const lack = { unopened: 0, gone: 0, forked: false }
  for (const notice of indexNotices.values()) {
    if (notice._tag === "Unopened") lack.unopened += notice.to - notice.from + 1
    else if (notice._tag === "Gap") lack.gone += notice.to - notice.from + 1
    else if (notice._tag === "Missing") lack.gone += notice.count
    else if (notice._tag === "Forked") lack.forked = true
  }
  return lack
}
