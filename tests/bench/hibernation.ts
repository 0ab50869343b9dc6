/**
 * How long the Durable Object stays in memory after a write, a catch-up by pages and a watch, with its sockets open.
 * `bun tests/bench/hibernation.ts [do|d1]`
 */
import { encodeRequest } from "../../sdk/src/protocol/Codec.ts"
import { entries, following, writing } from "../hub/world.ts"
import { OBJECT, startWorkerd, WORKER } from "../support/workerd.ts"

const workerd = await startWorkerd({ bindings: { SYNC_AUTH: "off", SYNC_STORAGE: process.argv[2] ?? "do" } })
const sockets = await Promise.all(
  [0, 1].map(
    () =>
      new Promise<WebSocket>((resolve) => {
        const socket = new WebSocket(`${workerd.url}/event-log/acme`)
        socket.addEventListener("open", () => resolve(socket))
      })
  )
)
for (let n = 0; n < 20; n++) {
  sockets[0]!.send(encodeRequest(writing("log", entries(20, 5_000))) as Uint8Array<ArrayBuffer>)
}
sockets[1]!.send(encodeRequest(following("log")) as Uint8Array<ArrayBuffer>)
const began = performance.now()

/** An eviction finds nothing to evict once the object sleeps; so each try is a new object's life, and the waits grow. */
let slept: number | undefined
for (const seconds of [9, 10, 11, 12, 13, 14, 15, 20]) {
  // Wakes it, as a message does.
  sockets[0]!.send(encodeRequest(writing("log", entries(1))) as Uint8Array<ArrayBuffer>)
  await Bun.sleep(seconds * 1_000)
  try {
    await workerd.mf.unsafeEvictDurableObject(WORKER, OBJECT, { name: "acme", webSockets: "hibernate" })
    console.log(`awake ${seconds} s after a write`)
  } catch {
    slept = seconds
    console.log(`asleep ${seconds} s after a write`)
    break
  }
}
const open = sockets.filter(({ readyState }) => readyState === WebSocket.OPEN).length
console.log(`${open} of 2 sockets open after ${((performance.now() - began) / 1_000).toFixed(0)} s`)
for (const socket of sockets) socket.close()
await workerd.stop()
process.exit(slept !== undefined && slept <= 15 ? 0 : 1)
