/**
 * Programs that share a tenant's key, each writing offline, cut, crashing and coming back, over a network and a hub that
 * fail at random, while they compact what the hub has: in the end all their stores hold the same, also those of one that
 * came last, and nothing that was said is missing. `SEEDS=1000` runs more,
 * `FIRST=7` begins with that one.
 */
import { describe, expect, test } from "bun:test"
import { bytesToHex } from "@noble/hashes/utils.js"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { makeRedactor } from "../../sdk/src/agents/Redaction.ts"
import { nativeAead } from "../../sdk/src/bun/nativeAead.ts"
import { makeReaderKey } from "../../sdk/src/crypto/TenantKey.ts"
import { makeWriter } from "../../sdk/src/crypto/WriterKey.ts"
import { TenantId } from "../../sdk/src/domain/Ids.ts"
import { fit } from "../../sdk/src/domain/Parts.ts"
import { encodeEvent, writeData } from "../../sdk/src/domain/Payload.ts"
import { makeHub } from "../../sdk/src/hub/Hub.ts"
import * as MemoryStorage from "../../sdk/src/hub/MemoryStorage.ts"
import type { Journal } from "../../sdk/src/journal/Journal.ts"
import * as MemoryJournal from "../../sdk/src/journal/MemoryJournal.ts"
import { makeReplica, type RunningReplica } from "../../sdk/src/stores/Replica.ts"
import { type Entry, ours, type Unit } from "../../sdk/src/stores/Unit.ts"
import { firstWriteWins, lastWriteWins, mergeWith, type Policy, reject } from "../../sdk/src/sync/ConflictPolicy.ts"
import { compactHub } from "../../sdk/src/sync/compactHub.ts"
import { byCount } from "../../sdk/src/sync/Rule.ts"
import { make as makeSync, type SyncApi } from "../../sdk/src/sync/SyncService.ts"
import { introduce, sealingOf } from "../../sdk/src/sync/sealing.ts"
import { administered } from "../support/administered.ts"
import { makeClock } from "../support/clock.ts"
import { type Link, makeLink } from "../support/link.ts"
import { random } from "../support/random.ts"
import { right } from "../support/right.ts"

const REMOTE = "ws://hub.test/event-log/acme"
const SEEDS = Number(process.env.SEEDS ?? 0)
const FIRST = Number(process.env.FIRST ?? 1)
/**
 * How often, at most, the real loop is given a turn and the test's clock three seconds until all have the same. To open a writer's
 * introduction is WebCrypto's, in some thirty steps that each take a turn; how long one takes is the machine's.
 */
const TURNS = 2_000

const policies: ReadonlyArray<Policy> = [
  lastWriteWins,
  firstWriteWins,
  reject("it was changed elsewhere"),
  mergeWith((earlier, later) => ({ both: [earlier, later] }))
]

/**
 * What stores show, the same on every replica that has the same. Merges and artifacts are megabytes: one look remembers their
 * content, since what was merged never changes, and what is whole stays so.
 */
const makeLook = () => {
  const hashes = new WeakMap<object, string>()
  const sizes = new WeakMap<Entry, number>()
  const hashOf = (merged: object) => {
    const hash = hashes.get(merged) ?? Bun.hash(writeData(merged)).toString()
    hashes.set(merged, hash)
    return hash
  }
  const sizeOf = (replica: RunningReplica, entry: Entry) => {
    const bytes = sizes.has(entry) ? undefined : replica.bytesOf(entry)
    if (bytes !== undefined && Either.isRight(bytes)) sizes.set(entry, bytes.right.byteLength)
    return sizes.get(entry) ?? ""
  }
  const shown = (replica: RunningReplica, unit: Unit) => ({
    id: unit.id,
    position: bytesToHex(unit.position),
    by: `${unit.entry.writer} ${unit.entry.n}`,
    merged: unit.merged === undefined ? "" : hashOf(unit.merged as object),
    bytes: sizeOf(replica, unit.entry)
  })
  return (replica: RunningReplica): string =>
    JSON.stringify(
      (["chat", "artifact", "audit", "user"] as const).flatMap((group) =>
        replica.units(group).map((unit) => shown(replica, unit))
      )
    )
}

const history = async (seed: number): Promise<ReadonlyArray<string>> => {
  const next = random(seed)
  const chance = (share: number) => next() < share
  const below = (n: number) => Math.floor(next() * n)
  const clock = { ...makeClock(), random: next }
  const key = makeReaderKey()
  const policy = policies[seed % policies.length]!
  const storage = MemoryStorage.make()
  const newHub = () => makeHub({ storage, now: Date.now, later: (run) => void clock.after(0, run) })
  let hub = newHub()
  let calm = false
  const troubles: Array<string> = []

  const program = async (name: string) => {
    const store = MemoryJournal.makeStore()
    const identity = makeWriter()
    const introduction = await introduce(key.recorder, identity)
    const said: Array<string> = []
    let link: Link
    let replica: RunningReplica
    let sync: SyncApi
    let journal: Journal
    let scope: Scope.CloseableScope
    const start = async () => {
      link = makeLink({ clock, hub: () => hub, grant: { roles: ["read", "write"] } })
      const treat = (frame: Uint8Array | string): ReadonlyArray<Uint8Array | string> => {
        if (calm || chance(0.95)) return [frame]
        if (chance(0.4)) return [frame, frame]
        link.cut([1000, 1001, 1006][below(3)] ?? 1006)
        return chance(0.5) ? [frame] : []
      }
      link.rules.toHub = treat
      link.rules.toClient = treat
      const sealing = sealingOf(nativeAead, key.recorder, identity)
      journal = MemoryJournal.open({ sealing, introduction, remotes: [REMOTE], store })
      replica = makeReplica({
        scope: "main",
        name,
        host: undefined,
        aead: nativeAead,
        policy,
        redactor: makeRedactor(),
        journal,
        journals: [journal],
        everything: true,
        onTrouble: (what) => {
          if (policy.reason === undefined) troubles.push(what)
        }
      })
      scope = Effect.runSync(Scope.make())
      sync = await Effect.runPromise(
        Scope.extend(
          makeSync({
            tenant: TenantId.make("acme"),
            key,
            aead: nativeAead,
            journal,
            remotes: [REMOTE],
            token: async () => undefined,
            follows: () => true,
            onEntries: ({ origin }, entries) => {
              for (const entry of entries) replica.receive(origin, entry)
            },
            syncInterval: Duration.seconds(5),
            offline: true,
            timers: clock,
            wall: () => 1_000_000 + clock.now()
          }),
          scope
        )
      )
      await Effect.runPromise(sync.connect({ url: REMOTE, network: link.network }))
    }
    await start()
    return {
      act: () => {
        const fate = next()
        const word = `${name} ${said.length} ${below(1000)}`
        const time = Date.now()
        if (fate < 0.35) {
          const data = { role: "user", parts: [{ type: "text", text: word }] } as const
          right(replica.append([encodeEvent(ours({ group: "chat", kind: "message", data } as const, word, time))]))
          said.push(word)
        } else if (fate < 0.6) {
          const payload = writeData({ text: word })
          right(replica.append([{ event: "Renamed", primaryKey: `k${below(3)}`, payload }]))
        } else if (fate < 0.85) {
          const bytes = new Uint8Array(chance(0.1) ? 400_000 : 20).fill(below(256))
          const digest = `${name}${said.length}${below(1_000_000)}`
          const data = { name: `file${below(3)}`, mediaType: "text/plain", size: bytes.byteLength, bytes } as const
          const event = ours({ group: "artifact", kind: "blob", data } as const, `${data.name}#${digest}`, time)
          right(replica.append(fit(event, 256 * 1024).map(encodeEvent)))
        } else {
          const data = { what: "noted", text: word }
          right(replica.append([encodeEvent(ours({ group: "audit", kind: "note", data } as const, word, time))]))
        }
      },
      compact: () =>
        compactHub({
          journal,
          aead: nativeAead,
          hubs: [administered(REMOTE, storage)],
          rules: [byCount(1 + below(4))],
          now: Date.now,
          onTrouble: (what) => troubles.push(what)
        }),
      cut: () => link.cut(1006),
      away: (is: boolean) => {
        link.rules.up = !is
        if (is) link.cut(1006)
      },
      restart: async () => {
        await Effect.runPromise(Scope.close(scope, Exit.void))
        replica.stop()
        await start()
      },
      stop: async () => {
        await Effect.runPromise(Scope.close(scope, Exit.void))
        replica.stop()
      },
      said,
      view: (look: ReturnType<typeof makeLook>) => look(replica),
      chat: () => replica.units("chat").map(({ primaryKey }) => primaryKey),
      status: () => Effect.runSync(sync.status)
    }
  }
  const programs = [await program("a"), await program("b"), ...(chance(0.4) ? [await program("c")] : [])]
  const pass = async (ms: number) => {
    for (let i = 0; i < 3; i++) {
      await clock.advance(Math.ceil(ms / 3))
      // Opening a writer's introduction is WebCrypto's, and takes a turn of the real loop.
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  for (let step = 0; step < 40; step++) {
    const one = programs[below(programs.length)]!
    const fate = next()
    if (fate < 0.7) one.act()
    else if (fate < 0.78) one.away(chance(0.5))
    else if (fate < 0.84) one.cut()
    else if (fate < 0.87) await one.restart()
    else if (fate < 0.91) await one.compact()
    else if (fate < 0.94) {
      hub.end(1001, "restart")
      hub = newHub()
    }
    await pass(chance(0.1) ? below(20_000) : below(30))
  }
  const late = chance(0.3) ? [await program("late")] : []
  programs.push(...late)
  calm = true
  for (const one of programs) one.away(false)
  for (let i = 0; i < 12; i++) {
    await pass(20_000)
    if (i < 6) for (const one of programs) await one.compact()
  }

  const look = makeLook()
  const differ = () => new Set(programs.map((one) => one.view(look))).size > 1
  for (let turn = 0; turn < TURNS && differ(); turn++) {
    await Bun.sleep(1)
    await pass(3_000)
  }

  const wrong: Array<string> = []
  const [first, ...others] = programs.map((one) => one.view(makeLook()))
  for (const [i, other] of others.entries()) {
    if (other !== first)
      wrong.push(`seed ${seed} (${policy.name}): program ${i + 1} holds another state than program 0`)
  }
  const all = programs.flatMap(({ said }) => said).sort()
  if (JSON.stringify(programs[0]!.chat().toSorted()) !== JSON.stringify(all))
    wrong.push(`seed ${seed}: messages are missing`)
  const waiting = programs.reduce((sum, one) => sum + one.status().waiting, 0)
  if (waiting > 0) wrong.push(`seed ${seed}: ${waiting} entries still wait`)
  if (troubles.length > 0) wrong.push(`seed ${seed}: ${[...new Set(troubles)].join("; ")}`)
  for (const one of programs) await one.stop()
  return wrong
}

describe("replicas", () => {
  test(
    "that wrote offline come to the same, whatever the network did",
    async () => {
      const wrong: Array<string> = []
      const count = SEEDS > 0 ? SEEDS : 50
      for (let seed = FIRST; seed < FIRST + count && wrong.length < 5; seed++) wrong.push(...(await history(seed)))
      expect(wrong).toEqual([])
    },
    Math.max(600_000, SEEDS * 10_000)
  )
})
