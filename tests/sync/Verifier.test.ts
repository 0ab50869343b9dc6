/** The verifier over a link to a real hub: what it reads page by page, and what it says where it cannot read. */
import { describe, expect, test } from "bun:test"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { nativeAead } from "../../sdk/src/bun/nativeAead.ts"
import { indexLog, makeReaderKey } from "../../sdk/src/crypto/TenantKey.ts"
import { makeWriter } from "../../sdk/src/crypto/WriterKey.ts"
import { SessionId } from "../../sdk/src/domain/Ids.ts"
import { encodeIndex } from "../../sdk/src/domain/Payload.ts"
import { makeHub } from "../../sdk/src/hub/Hub.ts"
import * as MemoryStorage from "../../sdk/src/hub/MemoryStorage.ts"
import * as MemoryJournal from "../../sdk/src/journal/MemoryJournal.ts"
import { decodeResponse, encodeResponse } from "../../sdk/src/protocol/Codec.ts"
import { connect } from "../../sdk/src/sync/Connection.ts"
import { introduce, sealingOf } from "../../sdk/src/sync/sealing.ts"
import { makeVerifier } from "../../sdk/src/sync/Verifier.ts"
import { makeClock } from "../support/clock.ts"
import { makeLink } from "../support/link.ts"
import { note } from "../support/note.ts"
import { right } from "../support/right.ts"

const iv = new Uint8Array(12)

/** A hub with one session of `events` events in writes of `size`, and a verifier at the end of a link to it. */
const scene = async (events: number, size: number) => {
  const clock = makeClock()
  const reader = makeReaderKey()
  const identity = makeWriter()
  const journal = MemoryJournal.open({
    sealing: sealingOf(nativeAead, reader.recorder, identity),
    introduction: await introduce(reader.recorder, identity, "box"),
    remotes: []
  })
  const { id: log, key } = right(journal.openLog("text:one"))
  const started = { log, key, time: 0, session: SessionId.make("text:one"), agent: "text" }
  right(journal.append(journal.index, [encodeIndex({ _tag: "index.started", ...started })]))
  right(
    journal.append(
      log,
      Array.from({ length: events }, (_, i) => note(`event ${i}`)),
      { signed: true }
    )
  )
  const storage = MemoryStorage.make()
  for (const name of [journal.index, log]) {
    const entries = right(journal.read(name, 1, 100_000)).map(({ entryId, sealed }) => ({
      entryId,
      encryptedEntry: sealed
    }))
    for (let at = 0; at < entries.length; at += size) {
      right(
        await Effect.runPromise(
          Effect.either(storage.append(name, iv, entries.slice(at, at + size), name === journal.index))
        )
      )
    }
  }
  const hub = makeHub({ storage, now: Date.now, later: (run) => void clock.after(0, run), onTrouble: () => {} })
  const link = makeLink({ clock, hub: () => hub, grant: { roles: ["read"] } })
  const verifierWith = (key: typeof reader) => {
    const verifier = makeVerifier({ reader: key, aead: nativeAead })
    connect({
      network: link.network,
      timers: clock,
      target: async () => ({ url: "ws://hub", token: undefined }),
      parts: [verifier.part],
      onStatus: () => {}
    })
    return verifier
  }
  /** Lets the clock run until it is answered. */
  const answered = async <A>(asked: Promise<A>): Promise<A> => {
    let over = false
    const watched = asked.finally(() => {
      over = true
    })
    for (let i = 0; i < 2_000 && !over; i++) await clock.advance(5)
    return watched
  }
  return { hub, link, log, reader, verifierWith, answered }
}

describe("Verifier", () => {
  test.each([
    [2_500, 7],
    [2_500, 5_000],
    [1_001, 1_000]
  ])("walks the chain of a log of %d entries in writes of %d across its pages", async (events, size) => {
    const s = await scene(events, size)
    const verifier = s.verifierWith(s.reader)
    expect(right(await s.answered(verifier.verifyIndex()))).toMatchObject({ entries: 2, findings: [] })
    const [session] = verifier.index.sessions.values()
    const report = right(await s.answered(verifier.verify(session!)))
    expect(report).toMatchObject({ entries: events + 1, findings: [], writers: [{ signed: events + 1 }] })
    expect([...verifier.index.writers.values()].map(({ host }) => host)).toEqual(["box"])
  })

  test("reads on where a connection broke off", async () => {
    const s = await scene(3_500, 100)
    const verifier = s.verifierWith(s.reader)
    right(await s.answered(verifier.verifyIndex()))
    const [session] = verifier.index.sessions.values()
    const pages = () => s.link.requests.length
    const before = pages()
    const asked = verifier.verify(session!)
    const cut = (async () => {
      while (pages() < before + 2) await Promise.resolve()
      s.link.cut(1006)
    })()
    expect(right(await s.answered(asked))).toMatchObject({ entries: 3_501, findings: [] })
    await cut
    expect(s.link.wires.length).toBe(2)
  })

  test("says of a hub that keeps no chain that it cannot verify it, instead of waiting", async () => {
    const s = await scene(5, 5)
    s.link.rules.toClient = (frame) => {
      const message = typeof frame === "string" ? undefined : right(decodeResponse(frame))
      if (message?._tag !== "Hello") return [frame]
      return [encodeResponse({ _tag: "Hello", remoteId: message.remoteId })]
    }
    const verifier = s.verifierWith(s.reader)
    expect(await s.answered(verifier.verifyIndex())).toMatchObject(Either.left({ reason: "no chain" }))
  })

  test("says that a key is another tenant's, and that a log was retired", async () => {
    const s = await scene(5, 5)
    const stranger = s.verifierWith(makeReaderKey())
    expect(await s.answered(stranger.verifyIndex())).toMatchObject(Either.left({ reason: "wrong key" }))
    const verifier = s.verifierWith(s.reader)
    expect(verifier.index.log).toBe(indexLog(s.reader.recorder))
    right(await s.answered(verifier.verifyIndex()))
    const [session] = verifier.index.sessions.values()
    await Effect.runPromise(s.hub.retire([s.log]))
    expect(await s.answered(verifier.verify(session!))).toMatchObject(Either.left({ reason: "retired" }))
  })
})
