/**
 * Files that are one JSON document instead of a record a line: a transcript that a tool pretty-printed, or an agent
 * that writes its whole session anew each time. They are told by their first line and read when the file ends.
 */
import type { Line, LineReader, Reading } from "./Adapter.ts"
import { listOf, objectOf } from "./Fields.ts"
import { piecesOf } from "./Records.ts"

/** A reader of records that also takes a document: a list's items, or the one object, as lines of their own. */
export const documentAware = (reader: LineReader): LineReader => {
  let first: Line | undefined
  /** The document's lines; undefined once the first line said that it is none. */
  let held: Array<string> | undefined

  return {
    read: (line) => {
      if (first === undefined && line.text.trim() !== "") {
        first = line
        if (beginsDocument(line.text)) held = []
      }
      if (held === undefined) return reader.read(line)
      held.push(line.text)
      return { events: [] }
    },
    end: (at) => {
      const lines = first === undefined || held === undefined ? [] : linesOf(held, first)
      held = undefined
      return together([...lines.map(reader.read), reader.end(at)])
    }
  }
}

/** A brace or bracket that its line does not close. */
const beginsDocument = (text: string) =>
  /^\s*[{[]\s*$/.test(text) || (/^\s*\[/.test(text) && piecesOf(text).every(({ kind }) => kind !== "text"))

const linesOf = (held: ReadonlyArray<string>, { at, ordinal }: Line): ReadonlyArray<Line> => {
  let texts: ReadonlyArray<string> = held
  try {
    const whole: unknown = JSON.parse(held.join("\n"))
    const records = objectOf(whole) === undefined ? listOf(whole) : [whole]
    texts = records.map((record) => JSON.stringify(record))
  } catch {
    // What does not parse as a whole is read line by line, so nothing is lost.
  }
  return texts.map((text, n) => ({ text, at, ordinal: ordinal + n }))
}

const together = (readings: ReadonlyArray<Reading>): Reading => {
  const about = Object.assign({}, ...readings.map((reading) => reading.about))
  const events = readings.flatMap((reading) => reading.events)
  return Object.keys(about).length === 0 ? { events } : { events, about }
}
