/** How the Worker tells an object whom it let in, and to what. Only a Worker reaches an object, so the header is believed. */
import type { Admitted } from "../hub/Api.ts"

export const ADMITTED_HEADER = "x-agent-sync-admitted"

export const admittedText = (admitted: Admitted): string => JSON.stringify(admitted)

export const admittedIn = (headers: Headers): Admitted | undefined => {
  const text = headers.get(ADMITTED_HEADER)
  return text === null ? undefined : (JSON.parse(text) as Admitted)
}
