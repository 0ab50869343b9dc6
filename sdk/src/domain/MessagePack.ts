/**
 * Looks over MessagePack before a library builds values from it. An envelope comes from whoever holds a key, and a
 * hijacked recorder does: a library's extension types, an array header that promises four billion items, or
 * a thousand levels of nesting must not cost the reader more than the bytes themselves.
 */

/** Levels of nesting; an envelope has two. */
const DEPTH = 16

/**
 * Whether the bytes are exactly one value, without extension types, every count covered by bytes that are there.
 * Source of the layout: the MessagePack specification, "Formats".
 */
export const isPlain = (bytes: Uint8Array): boolean => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const size = bytes.byteLength
  /** How many values each open container still wants, outermost first. */
  const wanted = [1]
  let at = 0

  /** An unsigned number of `width` bytes; above every size where the bytes end before it. */
  const number = (width: 1 | 2 | 4) => {
    const from = at
    at += width
    if (at > size) return Number.POSITIVE_INFINITY
    return width === 1 ? view.getUint8(from) : width === 2 ? view.getUint16(from) : view.getUint32(from)
  }
  const skip = (count: number) => {
    at += count
  }
  const hold = (count: number) => {
    if (count > 0) wanted.push(count)
  }

  while (wanted.length > 0) {
    const level = wanted.length - 1
    const left = wanted[level]!
    if (left === 0) {
      wanted.pop()
      continue
    }
    // Each value takes at least one byte, so a count that exceeds what is left is a lie.
    if (wanted.length > DEPTH || left > size - at) return false
    wanted[level] = left - 1
    const token = number(1)
    if (token < 0x80 || token >= 0xe0) continue
    if (token < 0x90) hold(2 * (token & 0x0f))
    else if (token < 0xa0) hold(token & 0x0f)
    else if (token < 0xc0) skip(token & 0x1f)
    else {
      switch (token) {
        case 0xc0:
        case 0xc2:
        case 0xc3:
          break
        case 0xc4:
        case 0xd9:
          skip(number(1))
          break
        case 0xc5:
        case 0xda:
          skip(number(2))
          break
        case 0xc6:
        case 0xdb:
          skip(number(4))
          break
        case 0xcc:
        case 0xd0:
          skip(1)
          break
        case 0xcd:
        case 0xd1:
          skip(2)
          break
        case 0xca:
        case 0xce:
        case 0xd2:
          skip(4)
          break
        case 0xcb:
        case 0xcf:
        case 0xd3:
          skip(8)
          break
        case 0xdc:
          hold(number(2))
          break
        case 0xdd:
          hold(number(4))
          break
        case 0xde:
          hold(2 * number(2))
          break
        case 0xdf:
          hold(2 * number(4))
          break
        default:
          return false
      }
    }
    if (at > size) return false
  }
  return at === size
}
