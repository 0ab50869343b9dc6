/**
 * `#platform` where nothing is known of the machine but what every one has: WebSocket and WebCrypto's random numbers. It
 * keeps no files, so its journal forgets at exit, and keys and tokens come from code.
 */
import * as Either from "effect/Either"
import { aead } from "../crypto/Aead.ts"
import { makeWriter } from "../crypto/WriterKey.ts"
import { JournalFailed } from "../journal/Journal.ts"
import * as MemoryJournal from "../journal/MemoryJournal.ts"
import type { PlatformApi } from "./Platform.ts"
import { PlatformFailed } from "./PlatformFailed.ts"
import { introduce, sealingOf } from "./sealing.ts"
import { webSocketNetwork } from "./webSocket.ts"

export const platform: PlatformApi = {
  name: "any",
  network: webSocketNetwork,
  aead,
  host: undefined,
  openJournal: async ({ key, remotes }) => {
    const recorder = key.kind === "reader" ? key.recorder : key
    const identity = makeWriter()
    try {
      return Either.right(
        MemoryJournal.open({
          sealing: sealingOf(aead, recorder, identity),
          introduction: await introduce(recorder, identity),
          remotes: remotes === "never" ? [] : remotes
        })
      )
    } catch (cause) {
      return Either.left(
        new JournalFailed({
          reason: "other",
          what: "This platform cannot seal to a recorder key: it has no X25519.",
          cause
        })
      )
    }
  },
  keyText: () => Either.right(undefined),
  token: async () => undefined,
  preset: () =>
    Either.left(
      new PlatformFailed({
        what: "This platform has no files, so there is no agent-sync.json.",
        fix: "Give url, encryption.identityKey and auth.token in code."
      })
    ),
  redaction: () => Either.right({}),
  spawn: undefined
}
