/** What a browser must have to open a tenant with its reader key, and the sentence for a person whose browser has not. */
import type { Network } from "../sync/Link.ts"

/** Why this browser cannot open a tenant, and what would. */
export interface Unsupported {
  /** A sentence for the person, and another one with the next step. */
  readonly error: string
  readonly fix: string
}

/** Undefined where this page can use a reader key: it needs a secure context, and X25519 in WebCrypto. */
export const unsupported = async (): Promise<Unsupported | undefined> => {
  // Typed as always there; a page without a secure context has none.
  const subtle: SubtleCrypto | undefined = globalThis.crypto?.subtle
  if (subtle === undefined) {
    return {
      error: "This page was opened without a secure context, so the browser gives it no cryptography.",
      fix: "Open it over https, or on this machine at 127.0.0.1 with `agent-sync viewer`. A share link works here too."
    }
  }
  try {
    await subtle.generateKey({ name: "X25519" }, false, ["deriveBits"])
    return undefined
  } catch {
    return {
      error: "This browser has no X25519, so it cannot use a reader key.",
      fix: "Use a newer one: Chrome 133, Firefox 130, Safari 17, or later. A share link works here too."
    }
  }
}

/** The network of a page that needs X25519: without it no socket is opened, and the refusal says why. */
export const withX25519 = (network: Network): Network => {
  const missing = unsupported()
  return {
    open: (target, events) => {
      let wanted = true
      let opened: ReturnType<Network["open"]> | undefined
      void missing.then((found) => {
        if (!wanted) return
        if (found === undefined) opened = network.open(target, events)
        else events.onClose(1006, found.error)
      })
      return {
        send: (frame) => opened?.send(frame),
        close: (code, reason) => {
          wanted = false
          opened?.close(code, reason)
        },
        buffered: () => opened?.buffered() ?? 0
      }
    },
    explain: async (target) => {
      const found = await missing
      return found === undefined ? network.explain(target) : { _tag: "Refused", status: 0, ...found }
    }
  }
}
