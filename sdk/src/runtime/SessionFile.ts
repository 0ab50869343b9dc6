/**
 * One file that an agent writes, as bytes that come: told whose it is by its first lines, cut into lines, read by its
 * adapter, and handed to the writer of its session. A last line that is still being written stays for later.
 */
import type { About, Adapter, Beside, Line, LineReader } from "../agents/Adapter.ts"
import { fileAdapterOf } from "../agents/files.ts"
import { makeLines } from "../agents/Lines.ts"
import { piecesOf } from "../agents/Records.ts"
import type { AgentEvent } from "../domain/AgentEvent.ts"
import type { SessionWriter } from "./SessionWriter.ts"

/** Lines after which a file that nobody knows is given up. */
const UNKNOWN_LINES = 200

/** A file that an agent keeps, as it is found. */
export interface SessionFileOptions {
  /** The file's name without folder and ending. */
  readonly name: string
  readonly beside?: Beside
  /** Whose it is; told from its first lines where this is not given. */
  readonly adapter?: Adapter
  /** The session's writer; the same one for every file of a session. */
  readonly writerOf: (agent: string, session: string) => SessionWriter
  /** Milliseconds since 1970. */
  readonly wall: () => number
}

/** Takes such a file's bytes and hands events to its session's writer. */
export interface SessionFile {
  /** Bytes as they stand in the file, in order, cut anywhere. */
  readonly push: (bytes: Uint8Array) => void
  /** Nothing more comes for now: a last line without its line end is read where it is whole. */
  readonly settle: () => void
  /** The file ended; what its reader held back comes out. */
  readonly end: () => void
  /** Undefined until it is told. */
  readonly writer: () => SessionWriter | undefined
  /** Whose file it is, once that is told. */
  readonly adapter: () => Adapter | undefined
  /** Nobody's file, as far as it was read. */
  readonly isUnknown: () => boolean
  /** Characters of a last line that was not whole when the file ended. */
  readonly unfinished: () => number
}

/** For one file, from its first byte. */
export const makeSessionFile = (options: SessionFileOptions): SessionFile => {
  const { beside, name, wall, writerOf } = options
  const lines = makeLines()
  let adapter = options.adapter
  let reader: LineReader | undefined = adapter?.open(name, beside)
  let writer: SessionWriter | undefined
  let ordinal = 0
  let undecided: Array<Line> = []
  let isUnknown = false
  /** Events and facts before the session is told. */
  let waiting: Array<AgentEvent> = []
  let about: About = {}
  /** The unfinished line that was read already. */
  let ahead: string | undefined
  let unfinished = 0

  const take = (texts: ReadonlyArray<string>) => {
    if (isUnknown || texts.length === 0) return
    const at = wall()
    const fresh = texts.map((text): Line => ({ text, ordinal: ordinal++, at }))
    if (reader !== undefined) return consume(fresh)
    undecided.push(...fresh)
    decide()
    isUnknown = reader === undefined && undecided.length > UNKNOWN_LINES
    if (isUnknown) undecided = []
  }

  const decide = () => {
    adapter = fileAdapterOf(undecided.map(({ text }) => text))
    if (adapter === undefined) return
    reader = adapter.open(name, beside)
    const known = undecided
    undecided = []
    consume(known)
  }

  const consume = (fresh: ReadonlyArray<Line>) => {
    const events: Array<AgentEvent> = []
    for (const line of fresh) {
      const reading = reader!.read(line)
      if (reading.about !== undefined) learn(reading.about)
      // One by one: a line may hold more events than a call takes arguments.
      for (const event of reading.events) events.push(event)
    }
    record(events)
  }

  const learn = (told: About) => {
    about = { ...about, ...told }
    if (writer === undefined && told.session !== undefined) writer = writerOf(adapter!.agent, told.session)
    if (writer === undefined) return
    writer.learn(about)
    about = {}
  }

  const record = (events: ReadonlyArray<AgentEvent>) => {
    if (writer === undefined) {
      waiting = [...waiting, ...events]
      return
    }
    const all = [...waiting, ...events]
    waiting = []
    writer.add(all)
  }

  return {
    push: (bytes) => {
      const fresh = lines.push(bytes)
      const [first] = fresh
      if (first === undefined || ahead === undefined) return take(fresh)
      const isSame = first === ahead
      ahead = undefined
      take(isSame ? fresh.slice(1) : fresh)
    },
    settle: () => {
      const rest = lines.rest()
      if (ahead !== undefined || !isWhole(rest)) return
      ahead = rest
      take([rest])
    },
    end: () => {
      const [rest] = lines.end()
      if (rest !== undefined && ahead === undefined) {
        if (isWhole(rest) || isDocument(rest)) take([rest])
        else unfinished = rest.length
      }
      if (reader === undefined) decide()
      if (reader === undefined) {
        isUnknown = true
        return
      }
      const { about: told, events } = reader.end(wall())
      if (told !== undefined) learn(told)
      record(events)
    },
    writer: () => writer,
    adapter: () => adapter,
    isUnknown: () => isUnknown,
    unfinished: () => unfinished
  }
}

const isWhole = (text: string) => text.trim() !== "" && piecesOf(text).every(({ kind }) => kind === "record")
/** The last line of a document closes it. */
const isDocument = (text: string) => /^\s*[}\]]+\s*$/.test(text)
