/**
 * What a stock hub needs to tell several logs: it keeps one highest number for a whole connection and leaves out of every
 * log what is not above it. So on a hub that says no `agentSync`, each log that a part asks for gets a connection of its
 * own, which asks again from where it was after a break. It also says nothing of a log without entries: what stays silent for
 * a while is told as empty. With a hub of ours nothing changes.
 */
import type { RequestChanges } from "../protocol/Message.ts"
import { type ConnectionOptions, connect, type Part, type Session } from "./Connection.ts"
import type { Timer } from "./Link.ts"

/** Milliseconds that a stock hub has to begin with what a log holds. Ours. */
const SILENT_MS = 5_000

export const linePerLog = (part: Part, options: Omit<ConnectionOptions, "parts" | "onStatus">): Part => {
  const lines = new Map<string, { readonly stop: () => void }>()

  const end = (log: string) => {
    const line = lines.get(log)
    lines.delete(log)
    line?.stop()
  }

  const ask = (main: Session, { publicKey, startSequence }: RequestChanges) => {
    end(publicKey)
    const remote = main.hello.remoteId.join()
    let from = startSequence
    let ended = false
    let silence: Timer | undefined
    const own: Part = {
      up: ({ hello, send }) => {
        if (hello.remoteId.join() !== remote) return main.abandon("another storage answers at this address")
        send({ _tag: "RequestChanges", publicKey, startSequence: from })
        silence = options.timers.after(SILENT_MS, () => part.changes({ _tag: "Changes", publicKey, entries: [] }))
      },
      down: () => silence?.cancel(),
      ack: () => {},
      changes: (page) => {
        silence?.cancel()
        if (ended) return
        from = Math.max(from, (page.entries.at(-1)?.sequence ?? -1) + 1)
        part.changes(page)
      }
    }
    const { stop } = connect({ ...options, parts: [own], onStatus: () => {} })
    lines.set(publicKey, {
      stop: () => {
        ended = true
        silence?.cancel()
        stop()
      }
    })
  }

  return {
    up: (main) => {
      if (main.hello.agentSync !== undefined) return part.up(main)
      part.up({
        ...main,
        send: (request) => {
          if (request._tag === "RequestChanges") ask(main, request)
          else if (request._tag === "StopChanges") end(request.publicKey)
          else main.send(request)
        }
      })
    },
    down: () => {
      for (const log of [...lines.keys()]) end(log)
      part.down()
    },
    ack: part.ack,
    changes: part.changes
  }
}
