/** @jsxImportSource preact */
/** How the page stands with the hub: a shape, a word, one fact. It speaks only when the word changes. */
import type { Model } from "../Model.ts"
import { logOf } from "../update.ts"
import { ago, grouped, minuteOf } from "../words.ts"
import { Icon, type Shape } from "./icons.tsx"

interface Standing {
  readonly name: string
  readonly shape: Shape
  readonly word: string
  readonly fact: string
}

export const standingOf = (model: Model): Standing => {
  const { behind, blocked, connection, now } = model
  if (blocked === "no key" || blocked === "bad key" || blocked === "insecure") {
    return { name: "off", shape: "offline", word: "Not connected", fact: "" }
  }
  switch (connection._tag) {
    case "Connecting":
      return { name: "join", shape: "connecting", word: "Connecting", fact: "" }
    case "Offline": {
      const next = Math.ceil((connection.retryAt - now) / 1000)
      const fact = next > 0 ? `next try in ${next} s` : "trying now"
      return { name: "off", shape: "offline", word: `Offline since ${minuteOf(connection.since)}`, fact }
    }
    case "Refused":
      return { name: "no", shape: "refused", word: "Refused", fact: connection.error }
    case "Live": {
      if (behind > 0)
        return { name: "late", shape: "behind", word: `Behind by ${grouped(behind)}`, fact: "catching up" }
      const log = logOf(model)
      const logs = log === undefined ? [...model.logs.values()] : [log]
      const unopened = logs.reduce((sum, one) => sum + one.unopened, 0) + model.indexUnopened
      const gone = logs.reduce((sum, one) => sum + one.gone, 0)
      if (unopened > 0) return { name: "part", shape: "warn", word: `Live, ${grouped(unopened)} not opened`, fact: "" }
      if (gone > 0) return { name: "part", shape: "warn", word: `Live, ${grouped(gone)} gone`, fact: "" }
      const last = Math.max(0, ...logs.map(({ timeline }) => timeline.session.lastAt ?? 0))
      const fact = last === 0 ? "" : `last event ${now - last < 2_000 ? "now" : `${ago(now - last)} ago`}`
      return { name: "live", shape: "live", word: "Live", fact }
    }
  }
}

export const Status = ({ model }: { readonly model: Model }) => {
  const { fact, name, shape, word } = standingOf(model)
  return (
    <div class={`sync ${name}`}>
      <Icon name={shape} />
      <b role="status">{word}</b>
      <span class="fact cut">{fact}</span>
    </div>
  )
}
