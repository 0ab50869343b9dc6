/**
 * The outbox in SQLite keeps a table of what is owed; the one in memory works it out by the definition each time. Any
 * sequence of openings, appends, acknowledgements, refusals and losses has to leave both with the same answers.
 */
import { expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as fc from "effect/FastCheck"
import { nativeAead } from "../../../sdk/src/bun/nativeAead.ts"
import * as SqliteJournal from "../../../sdk/src/bun/SqliteJournal.ts"
import { makeReaderKey } from "../../../sdk/src/crypto/TenantKey.ts"
import { makeWriter } from "../../../sdk/src/crypto/WriterKey.ts"
import type { Journal, OwedLog } from "../../../sdk/src/journal/Journal.ts"
import * as MemoryJournal from "../../../sdk/src/journal/MemoryJournal.ts"
import { introduce, sealingOf } from "../../../sdk/src/sync/sealing.ts"
import { ok } from "../../suites/journal.ts"
import { notes } from "../../support/chain.ts"

const A = "wss://a.example"
const B = "wss://b.example"
const remotes = [A, B]
const destinations: ReadonlyArray<ReadonlyArray<string>> = [[], [A], [B], [A, B]]
const { recorder } = makeReaderKey()

const step = fc.oneof(
  fc.record({ do: fc.constant("open" as const), where: fc.nat({ max: 3 }) }),
  fc.record({ do: fc.constant("append" as const), where: fc.nat({ max: 3 }), what: fc.nat({ max: 2 }) }),
  fc.record({ do: fc.constant("see" as const), remote: fc.nat({ max: 1 }), hub: fc.nat({ max: 2 }) }),
  fc.record({ do: fc.constant("again" as const), remote: fc.nat({ max: 1 }) }),
  fc.record({
    do: fc.constantFrom("ack" as const, "ack" as const, "ack" as const, "refuse" as const, "set back" as const),
    remote: fc.nat({ max: 1 }),
    hub: fc.nat({ max: 2 }),
    log: fc.nat(),
    n: fc.nat({ max: 4 })
  })
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

/** One of the two, and the order in which it came to know writers and logs, so that answers can be compared. */
const makeSide = (open: (remotes: ReadonlyArray<string>) => Promise<Journal>) => {
  const journals: Array<Journal | undefined> = []
  const logs: Array<OwedLog> = []
  const nameOf = ({ log, writer }: Pick<OwedLog, "log" | "writer">) =>
    logs.findIndex((known) => known.log === log && known.writer.join() === writer.join())
  const learn = (journal: Journal) => {
    const writer = journal.writer.id
    for (const { id: log, kind, last } of ok(journal.logs())) {
      const known: OwedLog = { log, writer, keep: kind === "index", acked: 0, last }
      if (nameOf(known) === -1) logs.push(known)
    }
  }
  const outbox = (remote: number) => journals.find((journal) => journal !== undefined)?.outbox(remotes[remote]!)
  const hub = (n: number) => new Uint8Array(16).fill(n + 1)
  const owed = (remote: number, id: number) =>
    ok(outbox(remote)!.owed(hub(id))).map((log) => [nameOf(log), log.acked, log.last, log.keep])

  return {
    take: async (step: Step): Promise<unknown> => {
      if (step.do === "open") {
        const journal = await open(destinations[step.where]!)
        journals[step.where] ??= journal
        learn(journal)
        return journal.fresh
      }
      if (step.do === "append") {
        const journal = journals[step.where]
        if (journal === undefined) return undefined
        const log = step.what === 0 ? journal.index : ok(journal.openLog(`test:${step.what}`)).id
        learn(journal)
        return ok(journal.append(log, notes("x"))).map(({ n }) => n)
      }
      const box = outbox(step.remote)
      if (box === undefined) return undefined
      if (step.do === "see") return owed(step.remote, step.hub)
      if (step.do === "again") return ok(box.again())
      const log = logs[step.log % logs.length]!
      if (step.do === "set back") return box.setBack(hub(step.hub), log)._tag
      if (step.do === "refuse") return box.refused(hub(step.hub), log, { code: "retired", reason: "no" })._tag
      return box.acked(hub(step.hub), log, step.n)._tag
    },
    waiting: () =>
      remotes.map((_, i) => {
        const box = outbox(i)
        return box === undefined ? [] : [ok(box.waiting()), ok(box.lost())]
      }),
    owedAtAll: () =>
      outbox(0) === undefined ? [] : [0, 1].flatMap((remote) => [0, 1, 2].map((id) => owed(remote, id))),
    close: () => {
      for (const journal of journals) journal?.close()
    }
  }
}

test("the outbox of a journal file answers as its definition does, whatever happened before", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 40 }), async (steps) => {
      const folder = mkdtempSync(join(tmpdir(), "agent-sync-model-"))
      const options = { file: join(folder, "t.sqlite"), keysFolder: join(folder, "keys"), recorder, aead: nativeAead }
      const extra: Array<Journal> = []
      const file = makeSide(async (remotes) => {
        const journal = ok(await SqliteJournal.open({ ...options, remotes }))
        extra.push(journal)
        return journal
      })
      const store = MemoryJournal.makeStore()
      const memory = makeSide(async (remotes) => {
        const writer = makeWriter()
        const introduction = await introduce(recorder, writer)
        return MemoryJournal.open({ sealing: sealingOf(nativeAead, recorder, writer), introduction, remotes, store })
      })
      try {
        for (const each of steps) {
          expect(await file.take(each)).toEqual(await memory.take(each))
          expect(file.waiting()).toEqual(memory.waiting())
        }
        expect(file.owedAtAll()).toEqual(memory.owedAtAll())
      } finally {
        for (const journal of extra) journal.close()
        rmSync(folder, { recursive: true, force: true })
      }
    }),
    { numRuns: 30 }
  )
}, 60_000)
