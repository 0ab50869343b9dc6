/** @jsxImportSource preact */
/** Events as they were recorded, and long texts by their beginning. */
import { clean } from "agent-sync/events"
import type { Item } from "../timeline/Item.ts"
import { bytes, grouped, plural } from "../words.ts"
import type { Around } from "./Fold.tsx"

/** Characters of one thing that are drawn. */
export const CHARACTERS = 100_000

export const Raw = ({ around, item }: { item: Item; around: Around }) => {
  const text = jsonOf(item.events)
  return (
    <div class="card raw">
      <pre class="out" tabIndex={0}>
        {text}
      </pre>
      <div class="foot">
        <span>
          {plural(item.events.length, "event")}, {bytes(text.length)}
        </span>
        <span class="grow" />
        <button type="button" onClick={() => around.acts?.copy(text)}>
          Copy
        </button>
        <button type="button" onClick={() => around.acts?.raw(item.id)}>
          Close
        </button>
      </div>
    </div>
  )
}

/** JSON that is safe to show; bytes by their number, what nests too deep by a sentence. */
export const jsonOf = (value: unknown): string => {
  try {
    const text =
      JSON.stringify(
        value,
        (_, field: unknown) => (field instanceof Uint8Array ? `${field.byteLength} bytes` : field),
        2
      ) ?? "null"
    return (
      clean(text.slice(0, CHARACTERS)) +
      (text.length > CHARACTERS ? `\n… ${grouped(text.length - CHARACTERS)} more characters` : "")
    )
  } catch {
    return "It nests too deep to be shown."
  }
}

/** A long text by its beginning; the whole on demand. */
export const Long = ({ text }: { text: string }) => (
  <>
    {text.slice(0, 1_500)}…
    <details class="above">
      <summary class="foot">Show all {grouped(text.length)} characters</summary>
      <pre class="long">{text.slice(0, CHARACTERS)}</pre>
    </details>
  </>
)
