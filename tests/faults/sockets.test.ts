/**
 * Random histories over real sockets, real files and real time: two machines write, one reads, the network between
 * them and the hub cuts, stalls, halves, repeats and delays, machines crash, the hub restarts. When it has healed, every
 * event has arrived once and in order. `SEEDS=200` runs more; a failing seed is named, though time is not in it.
 */
import { afterAll, expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { connectJournal, connectReader, EventLogRemoteServer, openJournal, SqliteStorage } from "agent-sync/bun"
import { Access } from "agent-sync/hub"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { makeReaderKey } from "../../sdk/src/crypto/TenantKey.ts"
import { SessionId } from "../../sdk/src/domain/Ids.ts"
import { encodeIndex } from "../../sdk/src/domain/Payload.ts"
import { note } from "../support/note.ts"
import { random } from "../support/random.ts"
import { right } from "../support/right.ts"
import { makeWire, type Wire } from "../support/wire.ts"

const SEEDS = Number(process.env.SEEDS || 10)
/** Histories that run side by side. */
const ABREAST = 5
const STEPS = 30
/** Milliseconds after which a healed network must have brought everything; backoffs and deadlines are shorter. */
const HEALED_MS = 40_000

/** Connections that had to be made again, in all histories. */
let breaks = 0

const folder = mkdtempSync(join(tmpdir(), "agent-sync-sockets-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const startHub = async (file: string, port: number) => {
  const scope = await Effect.runPromise(Scope.make())
  const running = await EventLogRemoteServer.make({
    port,
    hostname: "127.0.0.1",
    access: Access.off,
    storage: () => SqliteStorage.open(file)
  }).pipe(Scope.extend(scope), Effect.runPromise)
  return { port: running.port, stop: () => Effect.runPromise(Scope.close(scope, Exit.void)) }
}

const history = async (seed: number): Promise<ReadonlyArray<string>> => {
  const next = random(seed)
  const chance = (share: number) => next() < share
  const below = (n: number) => Math.floor(next() * n)
  const at = join(folder, `seed-${seed}`)
  const key = makeReaderKey()
  const hubFile = join(at, "hub.sqlite")
  let hub = await startHub(hubFile, 0)
  const { port } = hub

  const wires: Array<Wire> = []
  const wireTo = async () => {
    const wire = await makeWire({ port })
    wire.rule = (bytes) => {
      if (chance(0.95)) return [bytes]
      const fate = next()
      if (fate < 0.35) return "cut"
      const middle = below(bytes.byteLength)
      if (fate < 0.6) return [bytes.subarray(0, middle), bytes.subarray(middle)]
      // What a socket can never do to us and a broken middlebox can.
      return fate < 0.8 ? [bytes, bytes] : [bytes.subarray(middle)]
    }
    wires.push(wire)
    return wire
  }
  const addressOf = (wire: Wire) => `ws://127.0.0.1:${wire.port}/event-log/acme`

  const written = new Map<string, Array<string>>()
  const troubles: Array<string> = []
  const writer = async (name: string) => {
    const wire = await wireTo()
    const open = async () =>
      right(
        await openJournal({
          file: join(at, `${name}.sqlite`),
          keysFolder: join(at, `keys-${name}`),
          key: key.recorder,
          remotes: [addressOf(wire)]
        })
      )
    let journal = await open()
    const connect = () =>
      connectJournal({
        journal,
        url: addressOf(wire),
        token: async () => undefined,
        onStatus: () => {},
        onTrouble: (what) => troubles.push(what)
      })
    let remote = connect()
    const sessions: Array<{ readonly log: Parameters<typeof journal.append>[0]; readonly name: string }> = []
    let count = 0
    return {
      begin: () => {
        const session = `${name}${sessions.length}`
        const log = right(journal.openLog(`text:${session}`))
        const started = { log: log.id, key: log.key, time: 0, session: SessionId.make(session), agent: "text" }
        right(journal.append(journal.index, [encodeIndex({ _tag: "index.started", ...started })]))
        sessions.push({ log: log.id, name: session })
        written.set(session, [])
      },
      write: () => {
        const session = sessions[below(sessions.length)]!
        const texts = Array.from({ length: 1 + below(chance(0.1) ? 300 : 8) }, () => `${session.name} ${count++}`)
        right(journal.append(session.log, texts.map(note)))
        written.get(session.name)!.push(...texts)
      },
      crash: async () => {
        remote.stop()
        journal.close()
        journal = await open()
        remote = connect()
      },
      waiting: () => remote.waiting(),
      stop: () => {
        remote.stop()
        journal.close()
      }
    }
  }
  const writers = [await writer("a"), await writer("b")]

  const got = new Map<string, Array<string>>()
  const notices: Array<string> = []
  const reading = connectReader({
    key,
    url: addressOf(await wireTo()),
    token: async () => undefined,
    onStatus: () => {},
    events: {
      onSession: ({ log }) => reading.reader.watch(log, "all"),
      onIndexRead: () => {},
      onEntries: (log, entries) => {
        const session = [...reading.reader.sessions()].find((known) => known.log === log)?.origin.session ?? "?"
        const texts = entries.flatMap(({ content }) =>
          content._tag === "Event" && content.event.kind === "note" ? [content.event.data.text ?? ""] : []
        )
        got.set(session, [...(got.get(session) ?? []), ...texts])
      },
      onCaughtUp: () => {},
      onNotice: (_, notice) => notices.push(notice._tag),
      onWrongKey: () => notices.push("WrongKey")
    }
  })

  for (const one of writers) one.begin()
  for (let step = 0; step < STEPS; step++) {
    const one = writers[below(writers.length)]!
    const fate = next()
    if (fate < 0.65) one.write()
    else if (fate < 0.72) one.begin()
    else if (fate < 0.78) await one.crash()
    else if (fate < 0.84) {
      await hub.stop()
      hub = await startHub(hubFile, port)
    } else if (fate < 0.92) wires[below(wires.length)]!.cut()
    else {
      const wire = wires[below(wires.length)]!
      wire.stall(true)
      setTimeout(() => wire.stall(false), below(150))
    }
    await Bun.sleep(below(40))
  }
  for (const wire of wires) wire.rule = (bytes) => [bytes]
  // A stream that lost or repeated bytes is garbage from there on: a healed network begins with new connections.
  for (const wire of wires) wire.cut()

  const wrong = () => {
    const found: Array<string> = []
    for (const [name, texts] of written) {
      const arrived = got.get(name) ?? []
      if (JSON.stringify(arrived) === JSON.stringify(texts)) continue
      const missing = texts.filter((text) => !arrived.includes(text)).length
      found.push(`seed ${seed}: ${name} wrote ${texts.length}, ${arrived.length} arrived, ${missing} missing`)
    }
    const waiting = writers.reduce((sum, one) => sum + one.waiting(), 0)
    return waiting > 0 ? [...found, `seed ${seed}: ${waiting} entries still wait`] : found
  }
  const deadline = Date.now() + HEALED_MS
  while (wrong().length > 0 && Date.now() < deadline) await Bun.sleep(25)
  breaks += wires.reduce((sum, wire) => sum + wire.connections() - 1, 0)
  const outcome = [...wrong(), ...notices.map((notice) => `seed ${seed}: told ${notice}`)]
  for (const one of writers) one.stop()
  reading.stop()
  for (const wire of wires) await wire.close()
  await hub.stop()
  return [...outcome, ...troubles.map((what) => `seed ${seed}: ${what}`)]
}

test(
  "over real sockets nothing is lost, doubled or reordered",
  async () => {
    const wrong: Array<string> = []
    for (let seed = 1; seed <= SEEDS && wrong.length === 0; seed += ABREAST) {
      const many = Math.min(ABREAST, SEEDS - seed + 1)
      const found = await Promise.all(Array.from({ length: many }, (_, i) => history(seed + i)))
      wrong.push(...found.flat())
    }
    expect(wrong).toEqual([])
    expect(breaks).toBeGreaterThan(SEEDS * 3)
  },
  60_000 + SEEDS * 20_000
)
