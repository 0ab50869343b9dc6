/**
 * Where a session's items stand: in the log's order, at the top or under the call that their subagent runs in. An item keeps
 * its place and changes by being replaced.
 */
import type { Item } from "./Item.ts"

export interface Places {
  /** New items come last; a known one stays where it is, with its first time, and gains the events. */
  readonly put: (item: Item) => void
  readonly find: (id: string) => Item | undefined
  readonly top: ReadonlyArray<Item>
  /** Of a subagent, by its call. */
  readonly under: (call: string) => ReadonlyArray<Item>
  /** How often items of each block of `BLOCK` top items, or what is under them, have changed: what is drawn of a block can be kept. */
  readonly changes: ReadonlyArray<number>
}

/** Items. */
export const BLOCK = 256
/** Subagents in subagents; a log that goes on in a circle ends here. */
const LEVELS = 64

export const callId = (call: string) => `call:${call}`

export const makePlaces = (): Places => {
  const top: Array<Item> = []
  const changes: Array<number> = []
  const lists = new Map<string, Array<Item>>()
  const places = new Map<string, { readonly list: Array<Item>; readonly index: number }>()

  const find = (id: string) => {
    const place = places.get(id)
    return place?.list[place.index]
  }
  const touch = (item: Item) => {
    let above: Item | undefined = item
    for (let level = 0; above?.parent !== undefined && level < LEVELS; level++) above = find(callId(above.parent))
    const at = above === undefined ? undefined : (places.get(above.id)?.index ?? top.length)
    if (at === undefined) return
    const block = Math.floor(at / BLOCK)
    changes[block] = (changes[block] ?? 0) + 1
  }
  const listOf = (call: string) => {
    const list = lists.get(call) ?? []
    lists.set(call, list)
    return list
  }

  return {
    top,
    changes,
    find,
    under: (call) => lists.get(call) ?? [],
    put: (item) => {
      const place = places.get(item.id)
      touch(item)
      if (place === undefined) {
        const list = item.parent === undefined ? top : listOf(item.parent)
        places.set(item.id, { list, index: list.length })
        list.push(item)
        return
      }
      const before = place.list[place.index]!
      const events = item.events.some((event) => before.events.includes(event))
        ? item.events
        : [...before.events, ...item.events]
      const cut = item.cut ?? before.cut
      place.list[place.index] = { ...item, sequence: before.sequence, time: before.time, events, ...(cut && { cut }) }
    }
  }
}
