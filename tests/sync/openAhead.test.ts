/** A part whose pages are opened before it hears of them hears all in the order in which it came. */
import { expect, test } from "bun:test"
import { aead } from "../../sdk/src/crypto/Aead.ts"
import { makeLog } from "../../sdk/src/crypto/LogKey.ts"
import * as Sealer from "../../sdk/src/crypto/Sealer.ts"
import type { Changes } from "../../sdk/src/protocol/Message.ts"
import type { Session } from "../../sdk/src/sync/Connection.ts"
import { openAhead } from "../../sdk/src/sync/openAhead.ts"

const { id: log, key } = makeLog()
const session: Session = {
  hello: { _tag: "Hello", remoteId: new Uint8Array(16) },
  send: () => {},
  buffered: () => 0,
  abandon: () => {},
  renew: () => {}
}
const page = (...texts: ReadonlyArray<string>): Changes => ({
  _tag: "Changes",
  publicKey: log,
  entries: texts.map((text, at) => {
    const entryId = new Uint8Array(16).fill(at)
    const encryptedEntry = Sealer.seal(aead, key, { log, entryId }, new TextEncoder().encode(text))
    return { sequence: at + 1, iv: new Uint8Array(12), entryId, encryptedEntry }
  })
})

const scene = (subtle: SubtleCrypto | undefined) => {
  const keys = Sealer.makeKeyring()
  keys.add(key)
  const heard: Array<string> = []
  const { waiting } = openAhead(subtle, keys, aead)
  const part = waiting({
    up: () => heard.push("up"),
    down: () => heard.push("down"),
    ack: () => {},
    changes: ({ entries }) => heard.push(`page of ${entries.length}`)
  })
  return { heard, part }
}

test("what comes after a page waits for it, and nothing waits where no page does", async () => {
  const { heard, part } = scene(crypto.subtle)
  part.up(session)
  expect(heard).toEqual(["up"])
  part.changes(page("one", "two", "three"))
  part.changes(page())
  part.changes(page("four"))
  part.down()
  part.up(session)
  expect(heard).toEqual(["up"])
  while (heard.length < 6) await Bun.sleep(1)
  expect(heard).toEqual(["up", "page of 3", "page of 0", "page of 1", "down", "up"])
  part.down()
  expect(heard.at(-1)).toBe("down")
})

test("without WebCrypto, as on a page without a secure context, nothing waits", () => {
  const { heard, part } = scene(undefined)
  part.up(session)
  part.changes(page("one"))
  part.down()
  expect(heard).toEqual(["up", "page of 1", "down"])
})
