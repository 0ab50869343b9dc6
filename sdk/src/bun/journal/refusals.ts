/** Why a hub refused a log, as it lies sealed in a journal: its code, a space, its words. */
import type { LogId } from "../../domain/Ids.ts"
import type { Refusal } from "../../protocol/Message.ts"
import { besideLog, type Keeping } from "../../sync/sealing.ts"

const place = (log: LogId) => ({ log, entryId: besideLog("refusal") })

export const seal = (keeping: Keeping, log: LogId, { code, reason }: Refusal): Uint8Array =>
  keeping.seal(place(log), new TextEncoder().encode(`${code} ${reason}`))

/** What does not say otherwise was refused for good. */
export const open = (keeping: Keeping, log: LogId, sealed: Uint8Array): "retired" | "too-large" => {
  const text = new TextDecoder().decode(keeping.open(place(log), sealed))
  return text.startsWith("too-large ") ? "too-large" : "retired"
}
