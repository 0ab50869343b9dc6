/** A hub over its sockets and its HTTP surface, as compaction needs it: where logs end, and letting go of what is below a floor. */
import * as Either from "effect/Either"
import type { LogId } from "../domain/Ids.ts"
import type { AdministeredHub, Head } from "./compactHub.ts"
import { hubWords, refusedBy } from "./hubWords.ts"
import { liveTimers, type Network } from "./Link.ts"
import { once } from "./once.ts"

/** Milliseconds for an answer. */
const PATIENCE_MS = 10_000

/** `token` administers and reads. */
export const administeredHub = (
  remote: string,
  { network, token }: { readonly network: Network; readonly token: () => Promise<string | undefined> }
): AdministeredHub => ({
  remote,
  heads: async (logs) => {
    const bearer = await token()
    const target = { url: remote, token: bearer }
    const heads = new Map<LogId, Head>()
    let remoteId = new Uint8Array()
    const options = { network, timers: liveTimers, target, patienceMs: PATIENCE_MS }
    const asked = await once<ReadonlyMap<LogId, Head>>(options, ({ done, fail, waitsFor }) => ({
      up: (session) => {
        if (session.hello.agentSync === undefined) return fail("refused", "It is no hub of agent-sync.")
        remoteId = session.hello.remoteId.slice()
        waitsFor("it did not say where the logs end")
        for (const publicKey of logs) {
          session.send({ _tag: "RequestChanges", publicKey, startSequence: 1, limit: 0, live: false })
        }
      },
      changes: ({ chain, head, publicKey }) => {
        const log = logs.find((one) => one === publicKey)
        if (log === undefined || head === undefined) return
        heads.set(log, { head, chain: chain?.slice() ?? new Uint8Array(32) })
        if (heads.size === logs.length) done(heads)
      }
    }))
    return Either.mapBoth(asked, {
      onLeft: ({ what }) => what,
      onRight: () => ({ remoteId, heads })
    })
  },
  trim: async (log, floor) => {
    const bearer = await token()
    const url = `${remote.replace(/^ws/, "http").replace(/\/$/, "")}/logs/${encodeURIComponent(log)}`
    const headers = {
      "content-type": "application/json",
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` })
    }
    // A hub lets go of so many at a time, and says how far it is.
    for (let before = 0; ; ) {
      const body = JSON.stringify({ floor })
      const signal = AbortSignal.timeout(PATIENCE_MS)
      const answer = await fetch(url, { method: "POST", headers, body, redirect: "manual", signal }).then(
        async (response) => ({
          ok: response.ok,
          status: response.status,
          told: await response.json().catch(() => null)
        }),
        (cause: unknown) => `It does not answer (${cause instanceof Error ? cause.message : String(cause)}).`
      )
      if (typeof answer === "string") return Either.left(answer)
      const said: Told = typeof answer.told === "object" && answer.told !== null ? answer.told : {}
      if (!answer.ok || typeof said.floor !== "number") {
        if (typeof said.error !== "string") return Either.left(`It answered ${answer.status}.`)
        const [error, fix] = [said.error, said.fix].map((text) =>
          typeof text === "string" ? hubWords(text) : undefined
        )
        return Either.left(`${refusedBy("The hub", { error: error ?? "", fix })}.`)
      }
      if (said.floor >= floor) return Either.right(undefined)
      if (said.floor <= before) return Either.left(`It keeps what begins at ${said.floor}.`)
      before = said.floor
    }
  }
})

interface Told {
  readonly error?: unknown
  readonly fix?: unknown
  readonly floor?: unknown
}
