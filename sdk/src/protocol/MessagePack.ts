/**
 * The part of MessagePack that the wire uses, read and written in place. A reader that knows what it wants builds
 * no value it has not checked: a hostile length, nesting or extension type costs no more than the bytes that arrived.
 * (A library first builds the object, and then we look.) Tests hold both halves to `msgpackr`.
 *
 * Layout: the MessagePack specification, "Formats". Inside this room a `Reader` throws `UnreadableFrame`; `Codec`
 * turns that into a value.
 */
import { unreadable } from "./UnreadableFrame.ts"

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
const toUtf8 = new TextEncoder()

/** Reads values from the front. Byte arrays are views on the frame. */
export class Reader {
  readonly bytes: Uint8Array
  readonly #view: DataView
  at = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
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
    if (token === 0xc4) return this.#take(this.#unsigned(1))
    if (token === 0xc5) return this.#take(this.#unsigned(2))
    if (token === 0xc6) return this.#take(this.#unsigned(4))
    throw unreadable("bytes were expected")
  }

  /** Any number; a 64-bit integer comes as the nearest one that JavaScript has. */
  number(): number {
    const token = this.#token()
    if (token < 0x80) return token
    if (token >= 0xe0) return token - 0x100
    const from = this.at
    switch (token) {
      case 0xcc:
        return this.#unsigned(1)
      case 0xcd:
        return this.#unsigned(2)
      case 0xce:
        return this.#unsigned(4)
      case 0xcf:
        this.#take(8)
        return Number(this.#view.getBigUint64(from))
      case 0xd0:
        this.#take(1)
        return this.#view.getInt8(from)
      case 0xd1:
        this.#take(2)
        return this.#view.getInt16(from)
      case 0xd2:
        this.#take(4)
        return this.#view.getInt32(from)
      case 0xd3:
        this.#take(8)
        return Number(this.#view.getBigInt64(from))
      case 0xca:
        this.#take(4)
        return this.#view.getFloat32(from)
      case 0xcb:
        this.#take(8)
        return this.#view.getFloat64(from)
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
    const bytes = this.#string()
    if (bytes === undefined) throw unreadable("text was expected")
    if (bytes.byteLength > 64) return decodeText(bytes)
    // Names and public keys are short ASCII, for which a decoder costs more than this loop.
    let text = ""
    for (const byte of bytes) {
      if (byte >= 0x80) return decodeText(bytes)
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

  isNil(): boolean {
    return this.bytes[this.at] === 0xc0
  }

  /** Passes by one value of any kind, however it nests. */
  skip(): void {
    let left = 1
    while (left > 0) {
      // Every value takes a byte at least, so a count that exceeds what is left is a lie.
      if (left > this.bytes.byteLength - this.at) throw cutShort()
      left--
      const token = this.#token()
      if (token < 0x80 || token >= 0xe0) continue
      if (token < 0x90) left += 2 * (token & 0x0f)
      else if (token < 0xa0) left += token & 0x0f
      else if (token < 0xc0) this.#take(token & 0x1f)
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
        this.#take(this.#unsigned(1))
        return 0
      case 0xc5:
      case 0xda:
        this.#take(this.#unsigned(2))
        return 0
      case 0xc6:
      case 0xdb:
        this.#take(this.#unsigned(4))
        return 0
      case 0xc7:
        this.#take(this.#unsigned(1) + 1)
        return 0
      case 0xc8:
        this.#take(this.#unsigned(2) + 1)
        return 0
      case 0xc9:
        this.#take(this.#unsigned(4) + 1)
        return 0
      case 0xcc:
      case 0xd0:
        this.#take(1)
        return 0
      case 0xcd:
      case 0xd1:
      case 0xd4:
        this.#take(2)
        return 0
      case 0xd5:
        this.#take(3)
        return 0
      case 0xca:
      case 0xce:
      case 0xd2:
        this.#take(4)
        return 0
      case 0xd6:
        this.#take(5)
        return 0
      case 0xcb:
      case 0xcf:
      case 0xd3:
        this.#take(8)
        return 0
      case 0xd7:
        this.#take(9)
        return 0
      case 0xd8:
        this.#take(17)
        return 0
    }
    throw unreadable("not MessagePack")
  }

  #string(): Uint8Array | undefined {
    const token = this.#token()
    if (token >= 0xa0 && token < 0xc0) return this.#take(token & 0x1f)
    if (token === 0xd9) return this.#take(this.#unsigned(1))
    if (token === 0xda) return this.#take(this.#unsigned(2))
    if (token === 0xdb) return this.#take(this.#unsigned(4))
    return undefined
  }

  #token(): number {
    const token = this.bytes[this.at]
    if (token === undefined) throw cutShort()
    this.at++
    return token
  }

  #unsigned(width: 1 | 2 | 4): number {
    const from = this.at
    if (from + width > this.bytes.byteLength) throw cutShort()
    this.at = from + width
    return width === 1
      ? this.#view.getUint8(from)
      : width === 2
        ? this.#view.getUint16(from)
        : this.#view.getUint32(from)
  }

  #take(length: number): Uint8Array {
    const from = this.at
    if (length > this.bytes.byteLength - from) throw cutShort()
    this.at = from + length
    return this.bytes.subarray(from, this.at)
  }

  #count(count: number): number {
    if (count > this.bytes.byteLength - this.at) throw cutShort()
    return count
  }
}

/** Writes values one behind the other. */
export class Writer {
  #bytes: Uint8Array
  #view: DataView
  #at = 0

  /** `size` is a guess in bytes; one that is not too small saves copying. */
  constructor(size: number) {
    this.#bytes = new Uint8Array(size)
    this.#view = new DataView(this.#bytes.buffer)
  }

  /** What was written; a view on memory of this writer's own. */
  take(): Uint8Array {
    return this.#bytes.subarray(0, this.#at)
  }

  map(pairs: number): void {
    this.#header(pairs, 0x80, 16, 0xde)
  }

  array(count: number): void {
    this.#header(count, 0x90, 16, 0xdc)
  }

  /** Integers up to 32 bits as such, all else as a float of 64, as `msgpackr` does: it reads 64-bit integers as BigInt. */
  number(value: number): void {
    const size = numberBytes(value)
    const at = this.#room(size)
    this.#at += size
    switch (size) {
      case 1:
        this.#bytes[at] = value
        return
      case 2:
        this.#bytes[at] = 0xcc
        this.#bytes[at + 1] = value
        return
      case 3:
        this.#bytes[at] = 0xcd
        this.#view.setUint16(at + 1, value)
        return
      case 5:
        this.#bytes[at] = 0xce
        this.#view.setUint32(at + 1, value)
        return
      case 9:
        this.#bytes[at] = 0xcb
        this.#view.setFloat64(at + 1, value)
    }
  }

  boolean(value: boolean): void {
    const at = this.#room(1)
    this.#bytes[at] = value ? 0xc3 : 0xc2
    this.#at++
  }

  binary(value: Uint8Array): void {
    const length = value.byteLength
    const at = this.#room(5 + length)
    if (length < 0x100) {
      this.#bytes[at] = 0xc4
      this.#bytes[at + 1] = length
      this.#at += 2
    } else if (length < 0x1_00_00) {
      this.#bytes[at] = 0xc5
      this.#view.setUint16(at + 1, length)
      this.#at += 3
    } else {
      this.#bytes[at] = 0xc6
      this.#view.setUint32(at + 1, length)
      this.#at += 5
    }
    this.raw(value)
  }

  text(value: string): void {
    this.raw(packedText(value))
  }

  /** Bytes that are MessagePack already. */
  raw(packed: Uint8Array): void {
    const at = this.#room(packed.byteLength)
    this.#bytes.set(packed, at)
    this.#at += packed.byteLength
  }

  #header(count: number, fixed: number, fixedBelow: number, long: number): void {
    const at = this.#room(5)
    if (count < fixedBelow) this.#bytes[this.#at++] = fixed | count
    else if (count < 0x1_00_00) {
      this.#bytes[at] = long
      this.#view.setUint16(at + 1, count)
      this.#at += 3
    } else {
      this.#bytes[at] = long + 1
      this.#view.setUint32(at + 1, count)
      this.#at += 5
    }
  }

  /** Makes sure that so many bytes fit; answers where they begin. */
  #room(more: number): number {
    const wanted = this.#at + more
    if (wanted > this.#bytes.byteLength) {
      const grown = new Uint8Array(Math.max(wanted, 2 * this.#bytes.byteLength))
      grown.set(this.#bytes.subarray(0, this.#at))
      this.#bytes = grown
      this.#view = new DataView(grown.buffer)
    }
    return this.#at
  }
}

/** Bytes that `Writer.number` writes. */
export const numberBytes = (value: number): 1 | 2 | 3 | 5 | 9 => {
  if (!Number.isInteger(value) || value < 0 || value > 0xff_ff_ff_ff || Object.is(value, -0)) return 9
  return value < 0x80 ? 1 : value < 0x100 ? 2 : value < 0x1_00_00 ? 3 : 5
}

/** Bytes that `Writer.binary` writes. */
export const binaryBytes = ({ byteLength }: Uint8Array): number =>
  byteLength + (byteLength < 0x100 ? 2 : byteLength < 0x1_00_00 ? 3 : 5)

/** A text with its header, for names that are written again and again. */
export const packedText = (value: string): Uint8Array => {
  const text = toUtf8.encode(value)
  const length = text.byteLength
  const header =
    length < 32
      ? [0xa0 | length]
      : length < 0x100
        ? [0xd9, length]
        : length < 0x1_00_00
          ? [0xda, length >> 8, length & 0xff]
          : [0xdb, length >>> 24, (length >> 16) & 0xff, (length >> 8) & 0xff, length & 0xff]
  const packed = new Uint8Array(header.length + length)
  packed.set(header)
  packed.set(text, header.length)
  return packed
}

const decodeText = (bytes: Uint8Array): string => {
  try {
    return utf8.decode(bytes)
  } catch {
    throw unreadable("text is not UTF-8")
  }
}

const cutShort = () => unreadable("the frame ends in the middle of a value")
