/**
 * A network for the sync engine with a real hub at its far end: every frame takes one millisecond of the test's clock,
 * and a test may cut connections, refuse them, drop, repeat or change frames, and see all that was sent.
 */
import type { Connection, Hub } from "../../sdk/src/hub/Hub.ts"
import type { Peer } from "../../sdk/src/hub/Peer.ts"
import * as Codec from "../../sdk/src/protocol/Codec.ts"
import type { Request, Response } from "../../sdk/src/protocol/Message.ts"
import type { Explanation, Network } from "../../sdk/src/sync/Link.ts"
import type { Clock } from "./clock.ts"

type Frame = Uint8Array | string

export interface Wire {
  /** The connection breaks: the client hears this close, the hub sees the peer gone. */
  readonly cut: (code: number, reason?: string) => void
  /** A frame of the test's own, to the client. */
  readonly inject: (frame: Frame) => void
}

export interface Link {
  readonly network: Network
  /** Every connection ever opened, oldest first. */
  readonly wires: ReadonlyArray<Wire>
  /** The one that is open. */
  readonly open: () => Wire
  /** Breaks the one that is open, where one is. */
  readonly cut: (code: number) => void
  readonly requests: ReadonlyArray<Request>
  readonly responses: ReadonlyArray<Response>
  readonly texts: ReadonlyArray<string>
  /** Closes that the client asked for. */
  readonly closes: ReadonlyArray<{ readonly code: number; readonly reason: string }>
  /** What the test may change at any moment. */
  readonly rules: {
    /** False: attempts fail before they open. */
    up: boolean
    explanation: Explanation
    /** What becomes of a frame on its way: none, one, or several. */
    toHub: (frame: Frame) => ReadonlyArray<Frame>
    toClient: (frame: Frame) => ReadonlyArray<Frame>
    grant: Peer["grant"]
  }
}

export const makeLink = (options: {
  readonly clock: Clock
  /** Asked at every connection. */
  readonly hub: () => Hub
  readonly grant: Peer["grant"]
}): Link => {
  const { clock } = options
  const wires: Array<Wire> = []
  const requests: Array<Request> = []
  const responses: Array<Response> = []
  const texts: Array<string> = []
  const closes: Array<{ code: number; reason: string }> = []
  let current: Wire | undefined
  const rules: Link["rules"] = {
    up: true,
    explanation: { _tag: "Unreachable", error: "the hub does not answer" },
    toHub: (frame) => [frame],
    toClient: (frame) => [frame],
    grant: options.grant
  }
  const network: Network = {
    explain: async () => rules.explanation,
    open: (_, events) => {
      let open = true
      const end = (code: number, reason: string) => {
        if (!open) return
        open = false
        if (current === wire) current = undefined
        peer?.closed()
        clock.after(1, () => events.onClose(code, reason))
      }
      const deliver = (frame: Frame) => {
        clock.after(1, () => {
          if (open) events.onFrame(typeof frame === "string" ? frame : frame.slice())
        })
      }
      const wire: Wire = { cut: (code, reason = "") => end(code, reason), inject: deliver }
      wires.push(wire)
      let peer: Connection | undefined
      clock.after(1, () => {
        if (!rules.up) return end(1006, "")
        if (!open) return
        current = wire
        events.onOpen()
        peer = options.hub().open({
          extended: true,
          grant: rules.grant,
          buffered: () => 0,
          send: (frame) => {
            if (typeof frame !== "string") responses.push(read(Codec.decodeResponse(frame)))
            for (const passed of rules.toClient(frame)) deliver(passed)
          },
          close: end
        })
      })
      return {
        buffered: () => 0,
        close: (code, reason) => {
          closes.push({ code, reason })
          end(code, reason)
        },
        send: (frame) => {
          if (typeof frame === "string") texts.push(frame)
          else requests.push(read(Codec.decodeRequest(frame)))
          for (const passed of rules.toHub(frame)) {
            clock.after(1, () => {
              if (open) peer?.receive(passed)
            })
          }
        }
      }
    }
  }
  return {
    network,
    wires,
    requests,
    responses,
    texts,
    closes,
    rules,
    cut: (code) => current?.cut(code),
    open: () => {
      if (current === undefined) throw new Error("no connection is open")
      return current
    }
  }
}

const read = <A>(
  decoded: { readonly _tag: "Right"; readonly right: A } | { readonly _tag: "Left"; readonly left: unknown }
) => {
  if (decoded._tag === "Left") throw decoded.left
  return decoded.right
}
