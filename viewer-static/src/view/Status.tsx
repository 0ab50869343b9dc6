/** @jsxImportSource preact */
/** `standing.ts` at the top of the page. It speaks only when the word changes. */
import type { Model } from "../Model.ts"
import { standingOf } from "../standing.ts"
import { logOf, type Message } from "../update.ts"
import { Icon } from "./icons.tsx"

export const Status = ({ model, send }: { readonly model: Model; readonly send: (message: Message) => void }) => {
  const { fact, name, shape, word } = standingOf(model)
  const log = logOf(model)
  const leads =
    name === "part" && log !== undefined && (log.unopened + log.gone > 0 || log.forked) && log.refused === undefined
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
