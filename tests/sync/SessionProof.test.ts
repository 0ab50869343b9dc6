/** A session to take along: what is in a file says by itself whether it is what its writers wrote, and whether the page shows that. */
import { describe, expect, test } from "bun:test"
import { examineProof, printProof, readProof, type SessionProof, VERSION } from "agent-sync"
import { encodeEvent } from "agent-sync/events"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import { carriedProof, provenHtml } from "#viewer"
import { nativeAead } from "../../sdk/src/bun/nativeAead.ts"
import { makeReaderKey } from "../../sdk/src/crypto/TenantKey.ts"
import { makeWriter } from "../../sdk/src/crypto/WriterKey.ts"
import * as MemoryJournal from "../../sdk/src/journal/MemoryJournal.ts"
import { sealedOwn } from "../../sdk/src/runtime/examineOwn.ts"
import { introduce, sealingOf } from "../../sdk/src/sync/sealing.ts"
import { right } from "../support/right.ts"
import { hostile, work } from "../viewer/page/events.ts"

const NOW = 1_770_000_000_000
const shown = {
  session: "s1",
  now: NOW,
  zone: "UTC",
  history: false,
  version: VERSION
}

const journal = async () => {
  const { recorder } = makeReaderKey()
  const identity = makeWriter()
  return MemoryJournal.open({
    sealing: sealingOf(nativeAead, recorder, identity),
    introduction: await introduce(recorder, identity),
    remotes: []
  })
}

const recorded = async (events = work(NOW)): Promise<SessionProof> => {
  const into = await journal()
  const log = right(into.openLog("claude:s1")).id
  right(into.append(log, events.map(encodeEvent), { signed: true }))
  return right(sealedOwn(into, log))
}

const found = (proof: SessionProof) => examineProof(proof).findings.map(({ _tag }) => _tag)

describe("a session's proof", () => {
  test("comes back from the file it is in, holds, and the page is drawn from it again to the letter", async () => {
    for (const events of [work(NOW), hostile(NOW)]) {
      const proof = await recorded(events)
      const html = provenHtml(proof, shown, "a{}")
      const read = right(readProof(carriedProof(html)!))
      expect(read).toEqual({ proof, shown })
      expect(found(read.proof)).toEqual([])
      expect(examineProof(read.proof).writers).toMatchObject([{ signed: proof.entries.length }])
      expect(provenHtml(read.proof, read.shown, "a{}")).toBe(html)
      expect(html).not.toContain("<script")
    }
  })

  test("names an entry that was dropped, changed, swapped, repeated or added, a signature that is not the writer's, a cut", async () => {
    const proof = await recorded()
    const { entries } = proof
    const other = await recorded()
    const changed = entries[3]!.encryptedEntry.with(80, entries[3]!.encryptedEntry[80]! ^ 1)
    const after = (entries: SessionProof["entries"]) => found({ ...proof, entries })
    expect(after(entries.toSpliced(3, 1))).toEqual(["Missing"])
    expect(after(entries.with(3, { ...entries[3]!, encryptedEntry: changed }))).toEqual(["Unopened", "Missing"])
    expect(after(entries.with(3, entries[4]!).with(4, entries[3]!))).toEqual(["Reordered"])
    expect(after(entries.toSpliced(5, 0, entries[1]!))).toEqual(["Repeated"])
    expect(after([...entries, other.entries[0]!])).toEqual(["Unopened"])
    expect(found({ ...proof, writers: other.writers })).toEqual(["Stranger"])
    expect(found({ ...proof, writers: [{ ...other.writers[0]!, id: proof.writers[0]!.id }] })).toEqual(["Forged"])
    // A cut end is no finding: it is what a session that goes on looks like. The report says how far it is signed.
    const cut = examineProof({ ...proof, entries: entries.slice(0, -3) })
    expect([cut.findings, cut.writers[0]!.signed]).toEqual([[], 0])
  })

  test("is not what another page shows", async () => {
    const proof = await recorded()
    const html = provenHtml(proof, shown, "a{}")
    const altered = html.replace("Both handlers mark the end once", "Both handlers are fine")
    expect(altered).not.toBe(html)
    const read = right(readProof(carriedProof(altered)!))
    expect(provenHtml(read.proof, read.shown, "a{}")).not.toBe(altered)
  })

  test("reads any text as a proof or as none, and says which", async () => {
    const text = printProof(await recorded(), shown)
    expect(readProof(text.replace('"proof":1', '"proof":2'))).toMatchObject({ left: { reason: "version" } })
    fc.assert(
      fc.property(
        fc.nat({ max: text.length - 1 }),
        fc.string({ maxLength: 3 }),
        fc.nat({ max: 40 }),
        (at, put, cut) => {
          const read = readProof(text.slice(0, at) + put + text.slice(at + cut))
          if (Either.isRight(read)) examineProof(read.right.proof)
          else expect(read.left.message).toMatch(/^Its proof is .*\.$/)
        }
      ),
      { numRuns: 300 }
    )
    const never = text.replace(/"now":\d+/, '"now":1e300')
    for (const text of ["", "null", "[]", '{"proof":1}', '{"proof":"1"}', never])
      expect(Either.isLeft(readProof(text))).toBe(true)
    expect(carriedProof("<html><template>x</template>")).toBeUndefined()
  })
})
