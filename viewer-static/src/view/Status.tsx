/** @jsxImportSource preact */
/** How the page stands with the hub: a shape, a word, one fact. It speaks only when the word changes. */
import type { Model } from "../Model.ts"
import { logOf, type Message } from "../update.ts"
import { ago, dateOf, grouped, minuteOf, plural } from "../words.ts"
import { Icon, type Shape } from "./icons.tsx"

const DAY = 86_400_000

interface Standing {
  readonly name: string
  readonly shape: Shape
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
      const unopened = logs.reduce((sum, one) => sum + one.unopened, 0) + model.indexUnopened.size
      const gone = logs.reduce((sum, one) => sum + one.gone, 0)
      if (unopened > 0) return { name: "part", shape: "warn", word: `Live, ${grouped(unopened)} not opened`, fact: "" }
      if (gone > 0) return { name: "part", shape: "warn", word: `Live, ${grouped(gone)} gone`, fact: again }
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

export const Status = ({ model, send }: { readonly model: Model; readonly send: (message: Message) => void }) => {
  const { fact, name, shape, word } = standingOf(model)
  const log = logOf(model)
  const leads = name === "part" && log !== undefined && log.unopened + log.gone > 0 && log.refused === undefined
  return (
    <div class={`sync ${name}`}>
      <Icon name={shape} />
      <b role="status">
        {leads ? (
          <button type="button" title="Show where" onClick={() => send({ _tag: "NextNotice" })}>
            {word}
          </button>
        ) : (
          word
        )}
      </b>
      <span class="fact cut">{fact}</span>
    </div>
  )
}
