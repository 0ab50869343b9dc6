/**
 * What the sync engine needs of the world: a way to open a socket, and a clock. Both are values, so the same
 * engine runs over a real WebSocket and over a link in a test that drops, repeats and delays under a virtual clock.
 */

/** One open or opening socket. After `onClose` nothing more is called. */
export interface Socket {
  readonly send: (frame: Uint8Array | string) => void
  readonly close: (code: number, reason: string) => void
  /** Bytes handed to `send` that have not left yet. */
  readonly buffered: () => number
}

export interface SocketEvents {
  readonly onOpen: () => void
  readonly onFrame: (frame: Uint8Array | string) => void
  /** Exactly once, also where the socket never opened (then 1006). */
  readonly onClose: (code: number, reason: string) => void
}

export interface Target {
  /** `ws://` or `wss://`, with the tenant in the path. */
  readonly url: string
  readonly token: string | undefined
}

/** Opens sockets to hubs. Each platform has one; tests have one that breaks. */
export interface Network {
  /** Never throws: what fails is told by `onClose`. */
  readonly open: (target: Target, events: SocketEvents) => Socket
  /** Why an upgrade was refused: the hub's answer to a plain GET of the same address (426 means the token is good). */
  readonly explain: (target: Target) => Promise<Explanation>
}

export type Explanation =
  | { readonly _tag: "Reachable" }
  | { readonly _tag: "Refused"; readonly status: number; readonly error: string; readonly fix: string | undefined }
  | { readonly _tag: "Unreachable"; readonly error: string }

export interface Timer {
  readonly cancel: () => void
}

/** Time as the engine uses it, so that tests rule it. */
export interface Timers {
  /** Milliseconds; only differences mean anything. */
  readonly now: () => number
  readonly after: (ms: number, run: () => void) => Timer
  /** From 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number
}

/** The machine's own. */
export const liveTimers: Timers = {
  now: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms)
    return { cancel: () => clearTimeout(timer) }
  },
  random: Math.random
}
