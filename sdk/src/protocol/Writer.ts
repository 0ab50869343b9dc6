/** Writes the part of MessagePack that the wire uses, each value in its shortest form, into one growing array. */
const utf8 = new TextEncoder()
const float = new DataView(new ArrayBuffer(8))
const floatBytes = new Uint8Array(float.buffer)
/** Bytes below which a loop is faster than a call into the engine; also what a text of one byte of header has. */
const SHORT = 32

/** Writes values one behind the other. */
export class Writer {
  #bytes: Uint8Array
  #at = 0

  /**
   * `size` is a guess in bytes; one that is not too small saves copying, and an exact one a view. Writes into `memory`
   * where that is large enough.
   */
  constructor(size: number, memory?: Uint8Array) {
    this.#bytes = memory !== undefined && memory.byteLength >= size ? memory : new Uint8Array(size)
  }

  /** What was written, in this writer's own memory where it was given none. */
  take(): Uint8Array {
    return this.#at === this.#bytes.byteLength ? this.#bytes : this.#bytes.subarray(0, this.#at)
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
        this.#unsigned(at + 1, 2, value)
        return
      case 5:
        this.#bytes[at] = 0xce
        this.#unsigned(at + 1, 4, value)
        return
      case 9:
        this.#bytes[at] = 0xcb
        float.setFloat64(0, value)
        this.#bytes.set(floatBytes, at + 1)
    }
  }

  boolean(value: boolean): void {
    const at = this.#room(1)
    this.#bytes[at] = value ? 0xc3 : 0xc2
    this.#at++
  }

  binary(value: Uint8Array): void {
    const length = value.byteLength
    const at = this.#room(binaryBytes(value))
    if (length < 0x100) {
      this.#bytes[at] = 0xc4
      this.#bytes[at + 1] = length
      this.#at += 2
    } else if (length < 0x1_00_00) {
      this.#bytes[at] = 0xc5
      this.#unsigned(at + 1, 2, length)
      this.#at += 3
    } else {
      this.#bytes[at] = 0xc6
      this.#unsigned(at + 1, 4, length)
      this.#at += 5
    }
    this.raw(value)
  }

  text(value: string): void {
    if (!this.#shortText(value)) this.raw(packedText(value))
  }

  /** Answers false, and has written nothing, where it is long or not ASCII: then an encoder costs less. */
  #shortText(value: string): boolean {
    const { length } = value
    if (length >= SHORT) return false
    const at = this.#room(1 + length)
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i)
      if (code >= 0x80) return false
      this.#bytes[at + 1 + i] = code
    }
    this.#bytes[at] = 0xa0 | length
    this.#at += 1 + length
    return true
  }

  /** Bytes that are MessagePack already. */
  raw(packed: Uint8Array): void {
    const length = packed.length
    const at = this.#room(length)
    // Names and ids: a call into the engine costs more than this loop.
    if (length < SHORT) for (let i = 0; i < length; i++) this.#bytes[at + i] = packed[i]!
    else this.#bytes.set(packed, at)
    this.#at += length
  }

  /** Big endian. */
  #unsigned(at: number, width: 2 | 4, value: number): void {
    for (let i = width - 1, left = value; i >= 0; i--, left >>>= 8) this.#bytes[at + i] = left
  }

  #header(count: number, fixed: number, fixedBelow: number, long: number): void {
    if (count < fixedBelow) {
      const at = this.#room(1)
      this.#bytes[at] = fixed | count
      this.#at++
    } else if (count < 0x1_00_00) {
      const at = this.#room(3)
      this.#bytes[at] = long
      this.#unsigned(at + 1, 2, count)
      this.#at += 3
    } else {
      const at = this.#room(5)
      this.#bytes[at] = long + 1
      this.#unsigned(at + 1, 4, count)
      this.#at += 5
    }
  }

  /** Makes sure that so many bytes fit; answers where they begin. */
  #room(more: number): number {
    const wanted = this.#at + more
    if (wanted > this.#bytes.byteLength) {
      const grown = new Uint8Array(Math.max(wanted, 2 * this.#bytes.byteLength))
      grown.set(this.#bytes)
      this.#bytes = grown
    }
    return this.#at
  }
}

/** Pieces up to this are cut from a slab of so many bytes. */
const PIECE_BYTES = 1024
const SLAB_BYTES = 8 * 1024
let slab = new Uint8Array(0)
let cutUpTo = 0

/**
 * Memory for something small that is made for each write: an array of its own costs V8 and the platform more than what is
 * written into it. No byte is given twice, and whoever keeps a piece keeps its neighbours; what is not for all eyes that see the
 * neighbours has no place here. What is large has memory of its own.
 */
export const pieceOf = (bytes: number): Uint8Array => {
  if (bytes > PIECE_BYTES) return new Uint8Array(bytes)
  if (cutUpTo + bytes > slab.byteLength) {
    slab = new Uint8Array(SLAB_BYTES)
    cutUpTo = 0
  }
  cutUpTo += bytes
  return slab.subarray(cutUpTo - bytes, cutUpTo)
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
