/**
 * Bytes to lines. Output comes cut anywhere, also inside a character; a line is cut at 0x0A and decoded whole, so
 * no character is torn. Bytes that are not UTF-8 become U+FFFD, a byte order mark at the very start is dropped, and
 * a CR before the line end goes with it. What a line means is the adapter's business.
 */

/** Bytes of a line above which it comes in pieces, each whole characters. Ours: the largest line seen is 1 MB. */
const LINE_BYTES = 16 * 1024 * 1024

/** Takes bytes, answers lines. */
export interface Lines {
  /** The lines that these bytes complete, without their line ends; an empty line is an empty string. */
  readonly push: (bytes: Uint8Array) => Array<string>
  /** The output ended: the last line, if it had no line end. */
  readonly end: () => Array<string>
  /** What the unfinished line holds so far; it stays unfinished. */
  readonly rest: () => string
}

const LF = 0x0a
const CR = 0x0d

/** For one output, from its first byte. */
export const makeLines = (lineBytes = LINE_BYTES): Lines => {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true })
  /** The unfinished line, in the pieces it came in: joined once, when it ends. */
  let parts: Array<Uint8Array> = []
  let held = 0
  let first = true

  const take = () => {
    const whole = parts.length === 1 ? parts[0]! : join(parts, held)
    parts = []
    held = 0
    return whole
  }
  const text = (bytes: Uint8Array) => {
    const decoded = decoder.decode(bytes)
    if (!first) return decoded
    first = false
    return decoded.startsWith("\ufeff") ? decoded.slice(1) : decoded
  }
  /** Holds more of the unfinished line; what is above the limit comes out. */
  const hold = (bytes: Uint8Array, out: Array<string>) => {
    let rest = bytes
    while (held + rest.length > lineBytes) {
      const room = lineBytes - held
      parts.push(rest.subarray(0, room))
      held += room
      rest = rest.subarray(room)
      const full = take()
      const cut = characterBorder(full)
      out.push(text(full.subarray(0, cut)))
      keep(full.subarray(cut))
    }
    keep(rest)
  }
  const keep = (bytes: Uint8Array) => {
    if (bytes.length === 0) return
    parts.push(bytes)
    held += bytes.length
  }

  return {
    push: (bytes) => {
      const out: Array<string> = []
      let from = 0
      for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, from)) {
        hold(bytes.subarray(from, at), out)
        const line = take()
        out.push(text(line.at(-1) === CR ? line.subarray(0, -1) : line))
        from = at + 1
      }
      // A copy: the caller may use its buffer again.
      hold(bytes.slice(from), out)
      return out
    },
    end: () => (held === 0 ? [] : [text(take())]),
    rest: () => new TextDecoder("utf-8", { ignoreBOM: !first }).decode(join(parts, held))
  }
}

const join = (parts: ReadonlyArray<Uint8Array>, length: number) => {
  const whole = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** Where the last unfinished character begins; the length if there is none, or if these bytes are not UTF-8. Never 0. */
const characterBorder = (bytes: Uint8Array) => {
  for (let back = 1; back <= Math.min(3, bytes.length - 1); back++) {
    const byte = bytes[bytes.length - back]!
    if ((byte & 0xc0) === 0x80) continue
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc2 ? 2 : 1
    return length > back ? bytes.length - back : bytes.length
  }
  return bytes.length
}
