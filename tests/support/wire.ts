/**
 * A stretch of real network between a client and a hub, on loopback: TCP in, TCP out, and in between whatever a test
 * does to the bytes. It knows nothing of WebSockets, so a cut comes in the middle of a frame as often as between two.
 */
import { connect, createServer, type Socket } from "node:net"

type Bytes = Uint8Array<ArrayBufferLike>

export interface Wire {
  readonly port: number
  /** What becomes of bytes that arrive: the pieces that go on, or `cut`. Changed at will. */
  rule: (bytes: Bytes) => ReadonlyArray<Bytes> | "cut"
  /** Breaks every connection as a lost network does, without a closing frame. */
  readonly cut: () => void
  /** While stalled, nothing passes and nothing is lost. */
  readonly stall: (stalled: boolean) => void
  readonly connections: () => number
  readonly close: () => Promise<void>
}

export const makeWire = async (target: { readonly port: number }): Promise<Wire> => {
  const open = new Set<Socket>()
  let stalled = false
  let connections = 0
  const wire = {
    rule: (bytes: Bytes): ReadonlyArray<Bytes> | "cut" => [bytes]
  }
  const pass = (from: Socket, to: Socket) => {
    open.add(from)
    from.on("data", (bytes: Buffer) => {
      const pieces = wire.rule(bytes)
      if (pieces === "cut") {
        from.destroy()
        to.destroy()
        return
      }
      for (const piece of pieces) if (!to.destroyed && !to.write(piece)) from.pause()
    })
    to.on("drain", () => {
      if (!stalled) from.resume()
    })
    from.on("end", () => to.end())
    from.on("error", () => to.destroy())
    from.on("close", () => {
      open.delete(from)
      to.destroy()
    })
    if (stalled) from.pause()
  }
  const server = createServer((client) => {
    connections++
    const hub = connect(target.port, "127.0.0.1")
    client.setNoDelay(true)
    hub.setNoDelay(true)
    pass(client, hub)
    pass(hub, client)
  })
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening))
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("the wire has no port")
  const cut = () => {
    for (const socket of open) socket.destroy()
  }
  return Object.assign(wire, {
    port: address.port,
    cut,
    stall: (now: boolean) => {
      stalled = now
      for (const socket of open) {
        if (now) socket.pause()
        else socket.resume()
      }
    },
    connections: () => connections,
    close: () => {
      cut()
      return new Promise<void>((closed) => server.close(() => closed()))
    }
  })
}
