/**
 * Reads the part of MessagePack that the wire uses. A reader that knows what it wants builds no value it has not
 * checked: a hostile length, nesting or extension type costs no more than the bytes that arrived. (A library first builds
 * the object, and then we look; `tests/protocol/MessagePack.test.ts` holds this to one.)
 *
 * Layout: the MessagePack specification, "Formats". It throws `UnreadableFrame`; `total` turns that into a value.
 */
import { unreadable } from "./UnreadableFrame.ts"
import { packedText } from "./Writer.ts"

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** Reads values from the front. Byte arrays are views on the frame. */
export class Reader {
  readonly bytes: Uint8Array
  /** Where the next value begins. */
  at = 0
  #floats: DataView | undefined

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  get done() {
    return this.at === this.bytes.byteLength
  }

  /** How many entries the array has that begins here. */
  array(): number {
    const token = this.#token()
    if (token >= 0x90 && token < 0xa0) return this.#count(token & 0x0f)
    if (token === 0xdc) return this.#count(this.#unsigned(2))
    if (token === 0xdd) return this.#count(this.#unsigned(4))
    throw unreadable("a list was expected")
  }

  /** How many pairs the map has that begins here. */
  map(): number {
    const token = this.#token()
    if (token >= 0x80 && token < 0x90) return this.#count(2 * (token & 0x0f)) / 2
    if (token === 0xde) return this.#count(2 * this.#unsigned(2)) / 2
    if (token === 0xdf) return this.#count(2 * this.#unsigned(4)) / 2
    throw unreadable("a map was expected")
  }

  binary(): Uint8Array {
    const token = this.#token()
    const width = token === 0xc4 ? 1 : token === 0xc5 ? 2 : token === 0xc6 ? 4 : undefined
    if (width === undefined) throw unreadable("bytes were expected")
    return this.take(this.#unsigned(width))
  }

  /** Any number; a 64-bit integer comes as the nearest one that JavaScript has. */
  number(): number {
    const token = this.#token()
    if (token < 0x80) return token
    if (token >= 0xe0) return token - 0x100
    switch (token) {
      case 0xcc:
        return this.#unsigned(1)
      case 0xcd:
        return this.#unsigned(2)
      case 0xce:
        return this.#unsigned(4)
      case 0xcf:
        return this.#unsigned(4) * 2 ** 32 + this.#unsigned(4)
      case 0xd0:
        return (this.#unsigned(1) << 24) >> 24
      case 0xd1:
        return (this.#unsigned(2) << 16) >> 16
      case 0xd2:
        return this.#unsigned(4) | 0
      case 0xd3:
        return (this.#unsigned(4) | 0) * 2 ** 32 + this.#unsigned(4)
      case 0xca:
        return this.#view(4).getFloat32(this.at - 4)
      case 0xcb:
        return this.#view(8).getFloat64(this.at - 8)
    }
    throw unreadable("a number was expected")
  }

  boolean(): boolean {
    const token = this.#token()
    if (token === 0xc3) return true
    if (token === 0xc2) return false
    throw unreadable("true or false was expected")
  }

  text(): string {
    const token = this.#token()
    const length =
      token >= 0xa0 && token < 0xc0
        ? token & 0x1f
        : token === 0xd9
          ? this.#unsigned(1)
          : token === 0xda
            ? this.#unsigned(2)
            : token === 0xdb
              ? this.#unsigned(4)
              : undefined
    if (length === undefined) throw unreadable("text was expected")
    const from = this.at
    this.#pass(length)
    if (length > 64) return decodeText(this.bytes.subarray(from, this.at))
    // Names and public keys are short ASCII, for which a decoder costs more than this loop.
    let text = ""
    for (let at = from; at < this.at; at++) {
      const byte = this.bytes[at]!
      if (byte >= 0x80) return decodeText(this.bytes.subarray(from, this.at))
      text += String.fromCharCode(byte)
    }
    return text
  }

  /** The text here, or undefined (and nothing read) where there is something else. */
  textIfAny(): string | undefined {
    const token = this.bytes[this.at]
    const isText = token !== undefined && ((token >= 0xa0 && token < 0xc0) || (token >= 0xd9 && token <= 0xdb))
    return isText ? this.text() : undefined
  }

  /** Whether exactly these bytes come next; if so they are read. The quick way to a name that is expected. */
  takes(packed: Uint8Array): boolean {
    const from = this.at
    for (let i = 0; i < packed.length; i++) if (this.bytes[from + i] !== packed[i]) return false
    this.at = from + packed.length
    return true
  }

  /** The number of the text that comes next among those of a lexicon; -1 (and nothing read) where it is none of them. */
  known(lexicon: Lexicon): number {
    const token = this.bytes[this.at]
    for (const { number, packed } of lexicon.byHeader[token ?? 0] ?? []) if (this.takes(packed)) return number
    // The same text may stand behind a longer header than it needs.
    if (token === undefined || token < 0xd9 || token > 0xdb) return -1
    const from = this.at
    const number = lexicon.texts.indexOf(this.text())
    if (number < 0) this.at = from
    return number
  }

  isNil(): boolean {
    return this.bytes[this.at] === 0xc0
  }

  /** Passes by one value of any kind, however it nests. A count that lies ends where the bytes do. */
  skip(): void {
    let left = 1
    while (left > 0) {
      left--
      const token = this.#token()
      if (token < 0x80 || token >= 0xe0) continue
      if (token < 0x90) left += 2 * (token & 0x0f)
      else if (token < 0xa0) left += token & 0x0f
      else if (token < 0xc0) this.#pass(token & 0x1f)
      else left += this.#skipLong(token)
    }
  }

  /** Passes by a value with a header of its own; answers how many values it contains. */
  #skipLong(token: number): number {
    switch (token) {
      case 0xc0:
      case 0xc2:
      case 0xc3:
        return 0
      case 0xdc:
        return this.#unsigned(2)
      case 0xdd:
        return this.#unsigned(4)
      case 0xde:
        return 2 * this.#unsigned(2)
      case 0xdf:
        return 2 * this.#unsigned(4)
      case 0xc4:
      case 0xd9:
        return this.#pass(this.#unsigned(1))
      case 0xc5:
      case 0xda:
        return this.#pass(this.#unsigned(2))
      case 0xc6:
      case 0xdb:
        return this.#pass(this.#unsigned(4))
      case 0xc7:
        return this.#pass(this.#unsigned(1) + 1)
      case 0xc8:
        return this.#pass(this.#unsigned(2) + 1)
      case 0xc9:
        return this.#pass(this.#unsigned(4) + 1)
      case 0xcc:
      case 0xd0:
        return this.#pass(1)
      case 0xcd:
      case 0xd1:
      case 0xd4:
        return this.#pass(2)
      case 0xd5:
        return this.#pass(3)
      case 0xca:
      case 0xce:
      case 0xd2:
        return this.#pass(4)
      case 0xd6:
        return this.#pass(5)
      case 0xcb:
      case 0xcf:
      case 0xd3:
        return this.#pass(8)
      case 0xd7:
        return this.#pass(9)
      case 0xd8:
        return this.#pass(17)
    }
    throw unreadable("not MessagePack")
  }

  #token(): number {
    const token = this.bytes[this.at]
    if (token === undefined) throw cutShort()
    this.at++
    return token
  }

  /** Big endian. */
  #unsigned(width: 1 | 2 | 4): number {
    const from = this.at
    this.#pass(width)
    if (width === 1) return this.bytes[from]!
    let value = 0
    for (let at = from; at < this.at; at++) value = value * 0x100 + this.bytes[at]!
    return value
  }

  /** So many bytes as they are. */
  take(length: number): Uint8Array {
    const from = this.at
    this.#pass(length)
    return this.bytes.subarray(from, this.at)
  }

  #view(length: number): DataView {
    this.#pass(length)
    this.#floats ??= new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength)
    return this.#floats
  }

  #pass(length: number): 0 {
    if (length > this.bytes.byteLength - this.at) throw cutShort()
    this.at += length
    return 0
  }

  #count(count: number): number {
    if (count > this.bytes.byteLength - this.at) throw cutShort()
    return count
  }
}

/** Texts that a reader knows by number, so that what comes again and again is compared as bytes and never built. */
export interface Lexicon {
  readonly texts: ReadonlyArray<string>
  /** By the first byte of their packed form, which has their length. */
  readonly byHeader: ReadonlyArray<ReadonlyArray<{ readonly number: number; readonly packed: Uint8Array }> | undefined>
}

export const lexiconOf = (texts: ReadonlyArray<string>): Lexicon => {
  const byHeader: Array<Array<{ number: number; packed: Uint8Array }> | undefined> = new Array(256).fill(undefined)
  for (const [number, text] of texts.entries()) {
    const packed = packedText(text)
    const known = byHeader[packed[0]!] ?? []
    known.push({ number, packed })
    byHeader[packed[0]!] = known
  }
  return { texts, byHeader }
}

const decodeText = (bytes: Uint8Array): string => {
  try {
    return utf8.decode(bytes)
  } catch {
    throw unreadable("text is not UTF-8")
  }
}

const cutShort = () => unreadable("the frame ends in the middle of a value")
