/** Events of a run that has not told its session yet, as the bytes that are sealed: MessagePack of `[1, run, plains]`. */
import { Packr } from "msgpackr"
import type { Plain } from "../../domain/Payload.ts"

export interface Waiting {
  readonly run: string
  readonly plains: ReadonlyArray<Plain>
}

const VERSION = 1
const packr = new Packr({ useRecords: false, copyBuffers: true })

export const encode = ({ plains, run }: Waiting): Uint8Array =>
  // A copy: msgpackr goes on using the block that it answers.
  Uint8Array.from(
    packr.pack([VERSION, run, plains.map(({ event, payload, primaryKey }) => [event, primaryKey, payload])])
  )

/** Undefined for what this version did not write. The bytes come out of a seal of our own, so they are not hostile. */
export const decode = (bytes: Uint8Array): Waiting | undefined => {
  const fields: unknown = packr.unpack(bytes)
  if (!Array.isArray(fields)) return undefined
  const [version, run, plains] = fields as ReadonlyArray<unknown>
  if (version !== VERSION || typeof run !== "string" || !Array.isArray(plains)) return undefined
  return { run, plains: plains.map(plainOf) }
}

const plainOf = ([event, primaryKey, payload]: readonly [string, string, Uint8Array]): Plain => ({
  event,
  primaryKey,
  payload: new Uint8Array(payload)
})
