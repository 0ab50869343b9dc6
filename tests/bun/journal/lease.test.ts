/** Who pushes for a journal, where the process that did was killed: nobody waits for its lease to run out. */
import { Database } from "bun:sqlite"
import { expect, setSystemTime, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { thisProcess } from "../../../sdk/src/bun/process.ts"
import { makeReaderKey, print } from "../../../sdk/src/crypto/TenantKey.ts"
import { ok } from "../../suites/journal.ts"
import { openHeld } from "../../support/leaseHolder.ts"
import { afterThisTest } from "../../support/undo.ts"

const HOLDER = join(import.meta.dir, "../../support/leaseHolder.ts")
const MINUTE_MS = 60_000

const begin = async () => {
  const folder = mkdtempSync(join(tmpdir(), "agent-sync-lease-"))
  afterThisTest(() => rmSync(folder, { recursive: true, force: true }))
  const remote = "wss://hub.example/event-log/acme"
  const key = print(makeReaderKey().recorder)
  const held = { file: join(folder, "acme.sqlite"), keysFolder: join(folder, "keys"), key, remote }
  const journal = await openHeld(held)
  afterThisTest(journal.close)
  return { held, outbox: journal.outbox(remote) }
}

test("a lease is another's while its process lives, and anybody's at once when that was killed", async () => {
  const { held, outbox } = await begin()
  const child = Bun.spawn([process.execPath, HOLDER, JSON.stringify(held)], { stdout: "pipe" })
  const kill = async () => {
    child.kill("SIGKILL")
    await child.exited
  }
  afterThisTest(kill)
  const { value } = await child.stdout.getReader().read()
  expect(new TextDecoder().decode(value)).toBe("true\n")
  expect(ok(outbox.lease("one", MINUTE_MS))).toBe(false)
  await kill()
  expect(ok(outbox.lease("one", MINUTE_MS))).toBe(true)
  expect(ok(outbox.lease("two", MINUTE_MS))).toBe(false)
  ok(outbox.release("one"))
  expect(ok(outbox.lease("two", MINUTE_MS))).toBe(true)
})

test("a lease that names no process, or one that cannot be asked about from here, has to run out", async () => {
  const { held, outbox } = await begin()
  const ended = Bun.spawn(["true"])
  await ended.exited
  const [space] = thisProcess().split(" ")
  const named = (text: string) => (name: Uint8Array) => Buffer.concat([name, Buffer.from(text)])
  const owners = {
    "a version before this one": (name: Uint8Array) => name,
    "another container": named(`${space}0 ${ended.pid} `),
    "another machine": named(`x${space} ${ended.pid} `),
    "damaged bytes": (name: Uint8Array) => Buffer.concat([name, Buffer.from([0xff, 0x00, 0x20, 0xfe])])
  }
  afterThisTest(() => setSystemTime())
  const file = new Database(held.file)
  afterThisTest(() => file.close())
  for (const [who, to] of Object.entries(owners)) {
    const now = Date.now()
    expect(ok(outbox.lease("another", MINUTE_MS))).toBe(true)
    const { owner } = file.query("SELECT owner FROM remote").get() as { owner: Uint8Array }
    file.query("UPDATE remote SET owner = ?").run(to(owner.subarray(0, 16)))
    setSystemTime(new Date(now + MINUTE_MS - 1_000))
    expect([who, ok(outbox.lease("one", MINUTE_MS))]).toEqual([who, false])
    setSystemTime(new Date(now + MINUTE_MS + 1_000))
    expect([who, ok(outbox.lease("one", MINUTE_MS))]).toEqual([who, true])
    ok(outbox.release("one"))
  }
})
