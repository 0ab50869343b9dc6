/**
 * Carries one socket of the page to the hub and back, frame by frame and unread. What the hub says at the end, the page
 * hears. A page that does not keep up is let go of: it comes back and reads on from where it was.
 */
import { Limits, SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX } from "agent-sync/protocol"
import type { ServerWebSocket, WebSocketHandler } from "bun"

export interface Carried {
  readonly url: string
  readonly token: string | undefined
  /** What the page offered besides a token. */
  readonly protocols: ReadonlyArray<string>
  hub: WebSocket | undefined
  /** Frames of the page that came before the hub's socket was open. */
  early: Array<string | Uint8Array>
}

/** Bytes of one question of a page, at most. */
const ASKED_BYTES = 64 * 1024
/** Frames that a page may send before the hub has greeted; ours sends none. */
const EARLY = 64

const offeredBy = (headers: Headers) =>
  (headers.get("sec-websocket-protocol") ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "")

/** The token that the page itself brings: a share link's, as a subprotocol or, to a plain GET, as a header. */
export const tokenOffered = (headers: Headers): string | undefined =>
  /^Bearer +(\S+) *$/i.exec(headers.get("authorization") ?? "")?.[1] ??
  offeredBy(headers)
    .find((name) => name.startsWith(TOKEN_SUBPROTOCOL_PREFIX))
    ?.slice(TOKEN_SUBPROTOCOL_PREFIX.length)

export const carry = {
  upgradeOf: (headers: Headers, { token, url }: { readonly url: string; readonly token: string | undefined }) => {
    const protocols = offeredBy(headers).filter((name) => name === SUBPROTOCOL)
    return {
      data: { url, token, protocols, hub: undefined, early: [] } satisfies Carried,
      ...(protocols.length === 0 ? {} : { headers: { "sec-websocket-protocol": SUBPROTOCOL } })
    }
  },
  handlers: {
    perMessageDeflate: false,
    // A page asks, and writes nothing; up to 64 of its frames may wait for the hub.
    maxPayloadLength: ASKED_BYTES,
    open: (page: ServerWebSocket<Carried>) => {
      const { data } = page
      const hub = new WebSocket(data.url, {
        headers: data.token === undefined ? {} : { authorization: `Bearer ${data.token}` },
        protocols: [...data.protocols],
        perMessageDeflate: false
      })
      hub.binaryType = "arraybuffer"
      data.hub = hub
      hub.addEventListener("open", () => {
        for (const frame of data.early.splice(0)) hub.send(frame)
      })
      hub.addEventListener("message", ({ data: frame }: MessageEvent<string | ArrayBuffer>) => {
        page.send(typeof frame === "string" ? frame : new Uint8Array(frame))
        if (page.getBufferedAmount() > Limits.PEER_UNREAD_BYTES)
          page.close(Limits.CLOSE.tryAgain, "the page does not keep up")
      })
      hub.addEventListener("close", ({ code, reason }) => page.close(sayable(code), reason))
      hub.addEventListener("error", () => {})
    },
    message: (page: ServerWebSocket<Carried>, frame: string | Buffer) => {
      const { early, hub } = page.data
      if (hub?.readyState === WebSocket.OPEN) hub.send(frame)
      else if (early.length < EARLY) early.push(typeof frame === "string" ? frame : new Uint8Array(frame))
      else page.close(Limits.CLOSE.policy, "the hub has not greeted yet")
    },
    close: (page: ServerWebSocket<Carried>) => page.data.hub?.close()
  } satisfies WebSocketHandler<Carried>
}

/** Codes that only describe and are never sent (RFC 6455 §7.4.1) become "going away". */
const sayable = (code: number) => (code === 1005 || code === 1006 || code === 1015 ? 1001 : code)
