/**
 * Files that something else changed: any bytes of a journal, a config, a spool, what verify remembers, a token. Each is told
 * with a sentence or read as it was; nothing throws, and nothing of a journal is lost unseen. `SEEDS=5000` runs longer.
 */
import { describe, expect, test } from "bun:test"
import { appendFileSync, readFileSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { mintToken, TenantId } from "agent-sync"
import * as Either from "effect/Either"
import { foldersOf } from "#folders"
import { settings } from "../../cli/src/Config.ts"
import { remember, remembered, saved } from "../../cli/src/commands/verify/seen.ts"
import { Failure } from "../../cli/src/Failure.ts"
import { prepare, put, take, waiting } from "../../cli/src/spool/Spool.ts"
import { nativeAead } from "../../sdk/src/bun/nativeAead.ts"
import * as SqliteJournal from "../../sdk/src/bun/SqliteJournal.ts"
import * as AccessToken from "../../sdk/src/crypto/AccessToken.ts"
import { makeReaderKey } from "../../sdk/src/crypto/TenantKey.ts"
import type { JournalFailed } from "../../sdk/src/journal/Journal.ts"
import { examineOwn } from "../../sdk/src/runtime/examineOwn.ts"
import { tempFolder } from "../support/cli.ts"
import { note } from "../support/note.ts"
import { random as randomFrom } from "../support/random.ts"
import { right } from "../support/right.ts"

const SEEDS = Number(process.env.SEEDS ?? 60)
const REMOTE = "ws://hub.test/event-log/acme"

/** A sentence for a person. */
const isSentence = (text: string) => /^\S[\s\S]*\.$/.test(text.trim())

const failures = <E>(...answers: ReadonlyArray<Either.Either<unknown, E>>): ReadonlyArray<E> =>
  answers.flatMap((answer) => (Either.isLeft(answer) ? [answer.left] : []))

/** Some bytes of it are others: a few anywhere, a run of zeros, or its end is gone. */
const damaged = (bytes: Uint8Array, random: () => number): Uint8Array => {
  const at = Math.floor(random() * bytes.byteLength)
  const kind = random()
  if (kind < 0.1) return bytes.subarray(0, at)
  const changed = Uint8Array.from(bytes)
  if (kind < 0.2) changed.fill(0, at, Math.min(changed.length, at + 512))
  else
    for (let i = 0; i < 1 + random() * 4; i++)
      changed[Math.floor(random() * changed.length)]! ^= 1 + Math.floor(random() * 255)
  return changed
}

test("a journal with any bytes changed says so, or still has every entry and appends where it was", async () => {
  const folder = tempFolder()
  const { recorder } = makeReaderKey()
  const file = join(folder, "acme.sqlite")
  const options = { file, keysFolder: join(folder, "keys"), recorder, remotes: [REMOTE], aead: nativeAead }
  const first = right(await SqliteJournal.open(options))
  const logs = ["claude:a", "claude:b"].map((session) => right(first.openLog(session)).id)
  for (const log of logs) for (let i = 0; i < 20; i++) right(first.append(log, [note(`${i} ${"x".repeat(i * 20)}`)]))
  const whole = new Map(logs.map((log) => [log, right(first.read(log, 1, 100))]))
  first.close()
  const bytes = readFileSync(file)
  let [told, noticed, untouched] = [0, 0, 0]
  for (let seed = 1; seed <= SEEDS; seed++) {
    const random = randomFrom(seed)
    // The same file: a copy would be known as one.
    truncateSync(file, 0)
    appendFileSync(file, damaged(bytes, random))
    const failed = (failure: JournalFailed) => {
      expect({ seed, what: failure.message, ok: isSentence(failure.message) }).toMatchObject({ ok: true })
      told++
    }
    const opened = await SqliteJournal.open(options)
    if (Either.isLeft(opened)) {
      failed(opened.left)
      continue
    }
    const journal = opened.right
    // A writer that does not go on, or a row that is gone, is told as new.
    const isNew = journal.fresh !== false
    for (const log of logs) {
      const report = examineOwn(journal, log)
      const read = journal.read(log, 1, 100)
      const appended = journal.append(log, [note("after")])
      for (const answer of failures(report, read, appended)) failed(answer)
      if (Either.isLeft(report) || Either.isLeft(read) || isNew) continue
      const same = JSON.stringify(read.right) === JSON.stringify(whole.get(log))
      if (report.right.findings.length > 0) noticed++
      else {
        const counts = [read.right.length, right(journal.logs()).map(({ last }) => last)]
        expect({ seed, log, same, counts: same ? [] : counts }).toMatchObject({ same: true })
        untouched++
        if (Either.isRight(appended)) expect(appended.right[0]!.n).toBe(21)
      }
    }
    const outbox = journal.outbox(REMOTE)
    const hub = new Uint8Array(16)
    for (const answer of failures(outbox.owed(hub), outbox.waiting(), outbox.lost(), outbox.again())) failed(answer)
    journal.close()
  }
  // All three have happened: the test could find each.
  expect([told, noticed, untouched].map((count) => count > 0)).toEqual([true, true, true])
}, 120_000)

describe("any text", () => {
  const secret = `pl${"anted"}-7f3Kq9Zx2LmT8vB4`

  test("as agent-sync.json is settings or a sentence that repeats no token", () => {
    const cwd = tempFolder()
    const file = join(cwd, "agent-sync.json")
    const env = { HOME: cwd, AGENT_SYNC_HOME: join(cwd, "home") }
    const good = JSON.stringify({
      tenant: "acme",
      presets: { dev: { url: "ws://127.0.0.1:8787", auth: { token: "env:NOT_SET" } } },
      redact: { rules: [{ name: "x", pattern: "a+" }] }
    })
    const texts = [
      good.replace('"env:NOT_SET"', JSON.stringify(secret)),
      good.replace('"env:NOT_SET"', secret),
      ...[
        "",
        "null",
        "[]",
        "{",
        '"x"',
        '{"presets":7}',
        "\0\0",
        `{"context":"${secret}"}`,
        `{"presets":{"dev":"${secret}"}}`
      ],
      ...Array.from({ length: SEEDS * 5 }, (_, seed) =>
        new TextDecoder().decode(damaged(new TextEncoder().encode(good), randomFrom(seed + 1)))
      )
    ]
    let read = 0
    for (const text of texts) {
      writeFileSync(file, text)
      const found = settings({}, { env, cwd })
      if (Either.isRight(found)) {
        read++
        continue
      }
      expect(found.left).toBeInstanceOf(Failure)
      expect([isSentence(found.left.what), `${found.left.what}${found.left.now ?? ""}`.includes(secret)]).toEqual([
        true,
        false
      ])
    }
    expect(read).toBeLessThan(texts.length)
  })

  test("as what verify remembers is that or a sentence", () => {
    const folder = tempFolder()
    const file = join(folder, "acme.seen.json")
    const seen = { head: 7, chain: "ab".repeat(32), writers: { ["01".repeat(16)]: { n: 7, digest: "cd".repeat(32) } } }
    right(remember(file, { [REMOTE]: { log: seen } }))
    const good = readFileSync(file)
    for (let seed = 1; seed <= SEEDS * 5; seed++) {
      writeFileSync(file, damaged(good, randomFrom(seed)))
      for (const { what } of failures<Failure>(remembered(file), saved(file))) expect(isSentence(what)).toBe(true)
    }
  })

  test("as a token opens nothing", async () => {
    const key = new Uint8Array(32).fill(5)
    const token = await mintToken(key, { tenant: TenantId.make("acme"), roles: ["read"] }, 60)
    const good = new TextEncoder().encode(token)
    for (let seed = 1; seed <= SEEDS * 3; seed++) {
      const text = new TextDecoder().decode(damaged(good, randomFrom(seed)))
      const answer = await AccessToken.verify([key], text)
      if (text === token) continue
      expect(Either.isLeft(answer) && isSentence(answer.left.message)).toBe(true)
      if (text.length > 8) expect(JSON.stringify(answer)).not.toContain(text)
      AccessToken.tenantOf(text)
    }
  })
})

test("a spool's record with any bytes changed is set aside, and the others are taken", async () => {
  const home = tempFolder()
  const folders = foldersOf({ AGENT_SYNC_HOME: home })
  prepare(folders)
  const record = { agent: "claude-code", at: Date.now(), cwd: home, env: {}, input: { hook_event_name: "Stop" } }
  for (let seed = 1; seed <= SEEDS; seed++) {
    await put(folders, { ...record, at: record.at + seed } as unknown as Parameters<typeof put>[1])
    const [name] = waiting(folders)
    const file = join(folders.spool, name!)
    const bytes = readFileSync(file)
    const changed = damaged(bytes, randomFrom(seed))
    writeFileSync(file, changed)
    const taken = take(folders, name!)
    expect({ seed, tag: taken._tag }).toEqual({
      seed,
      tag: Buffer.compare(bytes, changed) === 0 ? "Record" : "Unreadable"
    })
    if (taken._tag === "Record") taken.done()
  }
  expect(waiting(folders)).toEqual([])
})
