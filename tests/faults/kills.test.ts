/**
 * Kill -9 at every step of an entry's way: the writer, the hub and the reader are processes of their own, and each message
 * between them passes a relay that knows when to kill whom. However often that is done, every entry that a writer's journal
 * took is at the hub once and in order, and whoever lives comes to the same end. `SEEDS=20` runs other orders, longer.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { printKey } from "agent-sync"
import { makeReaderKey } from "../../sdk/src/crypto/TenantKey.ts"
import { until } from "../support/pair.ts"
import { random } from "../support/random.ts"
import { makeRelay, type Passing } from "../support/relay.ts"
import { afterThisTest } from "../support/undo.ts"
import type { Victim } from "../support/victim.ts"
import { startWorkerd } from "../support/workerd.ts"

const SEEDS = Number(process.env.SEEDS || 1)
setDefaultTimeout(120_000 + SEEDS * 120_000)

type Who = "writer" | "hub" | "reader"

/** Where somebody is killed: by itself around an append, or while a message is on its way (it is lost then) or once it was passed on. */
type Step =
  | { readonly dies: "before" | "after" }
  | {
      readonly tag: Passing["tag"]
      readonly nth: number
      readonly on: "writer" | "reader"
      readonly when: "on its way" | "passed on"
    }

const at = (
  tag: Passing["tag"],
  on: "writer" | "reader",
  when: "on its way" | "passed on" = "on its way",
  nth = 1
): Step => ({ tag, nth, on, when })

const steps: Readonly<Record<Who, ReadonlyArray<Step>>> = {
  writer: [
    { dies: "before" },
    { dies: "after" },
    at("WriteEntries", "writer"),
    at("WriteEntries", "writer", "passed on"),
    at("Ack", "writer"),
    at("Ack", "writer", "passed on")
  ],
  hub: [
    { dies: "before" },
    { dies: "after" },
    at("WriteEntries", "writer", "passed on"),
    at("Ack", "writer"),
    at("Changes", "reader", "on its way", 3)
  ],
  reader: [
    at("RequestChanges", "reader"),
    at("Changes", "reader"),
    at("Changes", "reader", "on its way", 3),
    at("Changes", "reader", "passed on", 4)
  ]
}

/** In one file, which starts in a fraction of the time. */
let program: string
beforeAll(async () => {
  const outdir = mkdtempSync(join(tmpdir(), "agent-sync-victim-"))
  const built = await Bun.build({ entrypoints: [join(import.meta.dir, "../support/victim.ts")], target: "bun", outdir })
  program = built.outputs[0]!.path
})
afterAll(() => rmSync(dirname(program), { recursive: true, force: true }))

const start = (victim: Victim) => {
  const child = Bun.spawn([process.execPath, program, JSON.stringify(victim)], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit"
  })
  const lines: Array<string> = []
  const read = (async () => {
    const decoder = new TextDecoder()
    let text = ""
    for await (const bytes of child.stdout) {
      text += decoder.decode(bytes, { stream: true })
      const all = text.split("\n")
      text = all.pop()!
      for (const line of all) lines.push(line.trim())
    }
  })()
  const kill = async () => {
    child.kill("SIGKILL")
    await Promise.all([child.exited, read])
  }
  afterThisTest(kill)
  return {
    child,
    kill,
    lines,
    gone: () => child.signalCode !== null || child.exitCode !== null,
    ended: Promise.all([child.exited, read])
  }
}

/** A hub that may be killed and comes back, at its port and with its data. */
interface Hub {
  readonly port: number
  readonly kill: () => void
  readonly gone: () => boolean
  readonly back: (dies?: Victim["dies"]) => Promise<void>
}

const bunHub = async (folder: string): Promise<Hub> => {
  const open = async (port: number, dies?: Victim["dies"]) => {
    const hub = start({ role: "hub", file: join(folder, "hub.sqlite"), port, ...(dies === undefined ? {} : { dies }) })
    await until(() => hub.lines.length > 0 || hub.gone())
    return hub
  }
  let hub = await open(0)
  const port = Number(hub.lines[0])
  return {
    port,
    kill: () => hub.child.kill("SIGKILL"),
    gone: () => hub.gone(),
    back: async (dies) => {
      await hub.kill()
      hub = await open(port, dies)
    }
  }
}

const workerdHub = async (folder: string): Promise<Hub> => {
  const data = join(folder, "workerd")
  let hub = await startWorkerd({ data })
  const port = Number(new URL(hub.url).port)
  afterThisTest(() => hub.stop())
  return {
    port,
    kill: () => hub.kill(),
    // It does not die by itself.
    gone: () => false,
    back: async () => {
      await hub.stop()
      hub = await startWorkerd({ data, port })
    }
  }
}

/** Kills one after the other at each of their steps. What each run of the writer had said is in its journal, and what readers have in the end. */
const history = async (
  seed: number,
  makeHub: (folder: string) => Promise<Hub>,
  who: ReadonlyArray<readonly [Who, ReadonlyArray<Step>]>
) => {
  const folder = mkdtempSync(join(tmpdir(), "agent-sync-kills-"))
  afterThisTest(() => rmSync(folder, { recursive: true, force: true }))
  const key = printKey(makeReaderKey())
  const hub = await makeHub(folder)
  const relays = { writer: makeRelay(hub.port), reader: makeRelay(hub.port) }
  for (const relay of Object.values(relays)) afterThisTest(relay.stop)

  const written: Array<ReadonlyArray<string>> = []
  const startWriter = (dies?: Victim["dies"]) => {
    const run = written.length
    const { url } = relays.writer
    const writer = start({ role: "writer", folder, url, key, run, first: run === 0 ? FIRST : 3, ...(dies && { dies }) })
    written.push(writer.lines)
    return writer
  }
  const startReader = (url = relays.reader.url) => start({ role: "reader", url, key })
  const now = { writer: startWriter(), reader: startReader() }
  const begin = {
    writer: (dies?: Victim["dies"]) => {
      now.writer = startWriter(dies)
    },
    reader: () => {
      now.reader = startReader()
    }
  }
  await until(() => now.reader.lines.length >= FIRST)

  const next = random(seed)
  const orders = who.map(([one, steps]) =>
    steps.map((step) => ({ one, step, place: next() })).sort((a, b) => a.place - b.place)
  )
  // Taking turns, so that none has been away so often that it waits long before it comes back.
  const turns = orders[0]!.flatMap((_, i) => orders.flatMap((order) => order[i] ?? []))
  for (const { one, step } of turns) {
    if ("dies" in step) {
      if (one === "hub") {
        await hub.back(step.dies)
        if (now.writer.gone()) begin.writer()
        await until(hub.gone)
      } else {
        await now.writer.kill()
        begin.writer(step.dies)
        await until(now.writer.gone)
      }
    } else {
      // The first messages of a connection are told where it begins.
      await now[step.on].kill()
      let killed = false
      const kill = () => (one === "hub" ? hub.kill() : now[one].child.kill("SIGKILL"))
      relays[step.on].onMessage = ({ nth, tag }) => {
        if (killed || tag !== step.tag || nth < step.nth) return true
        killed = true
        if (step.when === "on its way") kill()
        else setTimeout(kill)
        return step.when === "passed on"
      }
      begin[step.on]()
      await until(() => killed)
      relays[step.on].onMessage = () => true
    }
    // A writer or a reader comes back with its next step.
    if (one === "hub") await hub.back()
    else await now[one].ended
  }

  for (const one of ["writer", "reader"] as const) if (now[one].gone()) begin[one]()
  await until(() => now.writer.lines.length > 0)
  await now.writer.child.stdin.write("stop\n")
  await now.writer.child.stdin.flush()
  await now.writer.ended
  expect([now.writer.child.exitCode, now.writer.lines.at(-1)]).toEqual([0, DONE])
  const last = now.writer.lines.at(-2)!
  // Who has watched all the while, and who comes now.
  const late = startReader(`ws://127.0.0.1:${hub.port}/event-log/acme`)
  await until(() => now.reader.lines.includes(last) && late.lines.includes(last))
  return {
    written: written.map((lines) => lines.filter((line) => line !== DONE)),
    read: now.reader.lines,
    late: late.lines
  }
}

/** Each run's entries are there from its first on, in order, and all that it had said; then comes the next run's. */
const wrongOf = ({ late, read, written }: Awaited<ReturnType<typeof history>>): ReadonlyArray<string> => {
  const wrong: Array<string> = []
  if (JSON.stringify(read) !== JSON.stringify(late))
    wrong.push(`who watched read ${read.length}, who came late ${late.length}`)
  let place = 0
  for (const [run, said] of written.entries()) {
    let count = 0
    while (read[place] === `${run} ${count}`) [place, count] = [place + 1, count + 1]
    if (count < said.length) wrong.push(`run ${run} said ${said.length} and has ${count} in order; then ${read[place]}`)
  }
  return place === read.length
    ? wrong
    : [...wrong, `${read.length - place} more than was written, from ${read[place]} on`]
}

const DONE = "all acknowledged"
/** Entries with which the first writer begins: several pages for a reader. */
const FIRST = 400

test("killed at every step: a writer, a Bun hub and a reader lose, double and reorder nothing", async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const who = [
      ["writer", steps.writer],
      ["hub", steps.hub],
      ["reader", steps.reader]
    ] as const
    expect([seed, ...wrongOf(await history(seed, bunHub, who))]).toEqual([seed])
  }
})

test("killed at every step that can be seen from outside: workerd loses, doubles and reorders nothing", async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const who = [["hub", steps.hub.filter((step) => !("dies" in step))]] as const
    expect([seed, ...wrongOf(await history(seed, workerdHub, who))]).toEqual([seed])
  }
})
