/**
 * The Worker in figures, in the workerd of this machine: how large its bundle is, how soon a socket is greeted, how many rows
 * a write costs, and what it takes to catch up, in time and memory. `bun tests/bench/workerd.ts [entries]`
 */
import { decodeResponse, encodeRequest } from "../../sdk/src/protocol/Codec.ts"
import { entry, writing } from "../hub/world.ts"
import { bundle, startWorkerd, type Workerd } from "../support/workerd.ts"

const ENTRIES = Number(process.argv[2] ?? 50_000)
const ROUNDS = 5
const say = (name: string, figures: string) => console.log(name.padEnd(44), figures)
const median = (all: ReadonlyArray<number>) => all.toSorted((a, b) => a - b)[all.length >> 1]!
const ms = (time: number) => `${time.toFixed(time < 100 ? 1 : 0)} ms`

// Bundles ------------------------------------------------------------------------------------------------------------

const TEMPLATE = "worker-template/src/worker.ts"
const STOCK = "tests/bench/workers/stock.ts"
for (const [name, entry] of [
  ["template", TEMPLATE],
  ["template and @effect/sql-sqlite-do", "tests/bench/workers/with-sql-client.ts"],
  ["stock Worker", STOCK]
] as const) {
  const script = Buffer.from(await bundle(entry, true))
  say(
    `bundle, ${name}`,
    `${kilo(script.byteLength)} minified, ${kilo(Bun.gzipSync(script, { level: 9 }).byteLength)} gzip`
  )
}
function kilo(bytes: number) {
  return `${(bytes / 1000).toFixed(1)} kB`
}

// A socket -----------------------------------------------------------------------------------------------------------

interface Client {
  readonly send: (frame: Uint8Array) => void
  readonly next: () => Promise<Uint8Array>
  readonly close: () => void
}

const connect = (url: string): Promise<Client> =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(url)
    socket.binaryType = "arraybuffer"
    const came: Array<Uint8Array> = []
    let wake = () => {}
    socket.addEventListener("message", ({ data }: MessageEvent<ArrayBuffer>) => {
      came.push(new Uint8Array(data))
      wake()
    })
    socket.addEventListener("error", () => reject(new Error(`no connection to ${url}`)))
    socket.addEventListener("open", () =>
      resolve({
        send: (frame) => socket.send(frame as Uint8Array<ArrayBuffer>),
        close: () => socket.close(),
        next: async () => {
          while (came.length === 0) await new Promise<void>((done) => (wake = done))
          return came.shift()!
        }
      })
    )
  })

const decode = (frame: Uint8Array) => {
  const message = decodeResponse(frame)
  if (message._tag === "Left") throw new Error(message.left.what)
  return message.right
}

// Ready to Hello -----------------------------------------------------------------------------------------------------

const scripts = { ours: await bundle(TEMPLATE, true), stock: await bundle(STOCK, true) }
const greeted: Record<keyof typeof scripts, Array<number>> = { ours: [], stock: [] }
for (let round = 0; round < 9; round++) {
  for (const name of ["ours", "stock"] as const) {
    const workerd = await startWorkerd({ script: scripts[name] })
    const began = performance.now()
    const client = await connect(`${workerd.url}/event-log/acme`)
    await client.next()
    greeted[name].push(performance.now() - began)
    client.close()
    await workerd.stop()
  }
}
say("ready to Hello, ours", `median ${ms(median(greeted.ours))}, least ${ms(Math.min(...greeted.ours))}`)
say("ready to Hello, stock", `median ${ms(median(greeted.stock))}, least ${ms(Math.min(...greeted.stock))}`)

// Rows ---------------------------------------------------------------------------------------------------------------

const rows = await startWorkerd({ script: await bundle("tests/bench/workers/rows.ts") })
for (const order of ["rising", "two writers", "random"]) {
  const found: Array<string> = []
  for (const batch of [1, 20, 100]) {
    const answer = await fetch(`${rows.url.replace("ws", "http")}/?entries=2000&batch=${batch}&order=${order}`)
    found.push(((await answer.json()) as { rows: number }).rows.toFixed(3))
  }
  say(`rows written per entry at 1 / 20 / 100, ${order}`, found.join(" / "))
}
await rows.stop()

// Catching up --------------------------------------------------------------------------------------------------------

const memory = ({ pids }: Workerd) => {
  const { stdout } = Bun.spawnSync(["ps", "-o", "rss=", "-p", pids.join(",")])
  return (
    stdout
      .toString()
      .trim()
      .split(/\s+/)
      .reduce((sum, one) => sum + Number(one), 0) / 1024
  )
}

const fill = async (url: string, batch: number) => {
  const client = await connect(url)
  await client.next()
  let unanswered = 0
  for (let at = 0; at < ENTRIES; at += batch) {
    client.send(
      encodeRequest(
        writing(
          "log",
          Array.from({ length: batch }, () => entry(600))
        )
      )
    )
    unanswered++
    while (unanswered >= 64) if (decode(await client.next())._tag === "Ack") unanswered--
  }
  while (unanswered > 0) if (decode(await client.next())._tag === "Ack") unanswered--
  client.close()
}

const catchUp = async (url: string) => {
  const began = performance.now()
  const client = await connect(url)
  await client.next()
  client.send(encodeRequest({ _tag: "RequestChanges", publicKey: "log", startSequence: 1 }))
  let first = 0
  for (let next = 1; next <= ENTRIES; ) {
    const page = decode(await client.next())
    if (page._tag !== "Changes") continue
    first ||= performance.now() - began
    if (page.entries[0]?.sequence !== next) throw new Error(`${page.entries[0]?.sequence} came, not ${next}`)
    next += page.entries.length
  }
  client.close()
  return { first, whole: performance.now() - began }
}

for (const batch of [1, 100]) {
  const workerd = await startWorkerd({ script: scripts.ours })
  const url = `${workerd.url}/event-log/acme`
  const began = performance.now()
  await fill(url, batch)
  say(`${ENTRIES} entries written, ${batch} at a time`, ms(performance.now() - began))
  for (let round = 1; round <= ROUNDS; round++) {
    const { first, whole } = await catchUp(url)
    say(`  reader ${round}`, `first page ${ms(first)}, all ${ms(whole)}, workerd at ${memory(workerd).toFixed(0)} MB`)
  }
  await workerd.stop()
}
