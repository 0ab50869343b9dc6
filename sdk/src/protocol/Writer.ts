/** Writes the part of MessagePack that the wire uses, each value in its shortest form, into one growing array. */
const utf8 = new TextEncoder()

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
  const text = utf8.encode(value)
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
