/** A real socket that keeps all it hears, open until the test ends. */
import { encodeRequest } from "../../sdk/src/protocol/Codec.ts"
import type { Request } from "../../sdk/src/protocol/Message.ts"
import { makeEar } from "../hub/world.ts"
import { until } from "../interop/ours.ts"
import { afterThisTest } from "../support/undo.ts"

/** Resolves when the hub has greeted, or closed. */
export const connect = async (
  url: string,
  protocols: ReadonlyArray<string> = ["agent-sync"],
  headers: Readonly<Record<string, string>> = {}
) => {
  const socket = new WebSocket(url, { protocols: [...protocols], headers })
  socket.binaryType = "arraybuffer"
  const ear = makeEar()
  socket.addEventListener("message", ({ data }: MessageEvent<ArrayBuffer | string>) =>
    ear.hear(typeof data === "string" ? data : new Uint8Array(data))
  )
  socket.addEventListener("close", ({ code, reason }) => ear.closes.push({ code, reason }))
  afterThisTest(() => socket.close())
  await until(() => ear.heard.length > 0 || ear.closes.length > 0)
  const write = (frame: Request | Uint8Array | string) =>
    socket.send(
      typeof frame === "string" || frame instanceof Uint8Array
        ? (frame as Uint8Array<ArrayBuffer> | string)
        : (encodeRequest(frame) as Uint8Array<ArrayBuffer>)
    )
  return { ...ear, socket, write }
}
