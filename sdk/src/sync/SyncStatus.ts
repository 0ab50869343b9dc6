/**
 * How the connection stands, as one value that `tail`, `run` and the viewer show. The transitions are here and
 * pure; who causes them is `Connection`.
 *
 *     Connecting ──hello──▶ Live ──drop──▶ Offline ──retry──▶ Connecting
 *         │ refused             │ refused
 *         ▼                     ▼
 *      Refused (no retries)  Refused                      any ──stop──▶ Stopped
 */

/** One connection as it stands. `since` is in milliseconds of `Timers.now`. */
export type SyncStatus =
  | { readonly _tag: "Connecting"; readonly since: number }
  | { readonly _tag: "Live"; readonly since: number }
  /** `since` is when it was last live, or when the first attempt began; `retryAt` the next attempt. Milliseconds of `Timers.now`. */
  | { readonly _tag: "Offline"; readonly since: number; readonly retryAt: number; readonly why: string }
  | { readonly _tag: "Refused"; readonly error: string; readonly fix: string | undefined }
  | { readonly _tag: "Stopped" }

export type SyncChange =
  | { readonly _tag: "Attempt" }
  | { readonly _tag: "Hello" }
  | { readonly _tag: "Lost"; readonly why: string; readonly retryAt: number }
  | { readonly _tag: "Refused"; readonly error: string; readonly fix: string | undefined }
  | { readonly _tag: "Stop" }

/** The next status. `Stopped` and `Refused` are final: what still arrives changes nothing. */
export const next = (status: SyncStatus, change: SyncChange, now: number): SyncStatus => {
  if (status._tag === "Stopped" || (status._tag === "Refused" && change._tag !== "Stop")) return status
  switch (change._tag) {
    case "Attempt":
      // Being offline since a moment is what people need to know; an attempt does not end it.
      return status._tag === "Offline" ? { ...status, retryAt: now } : { _tag: "Connecting", since: now }
    case "Hello":
      return { _tag: "Live", since: now }
    case "Lost":
      return {
        _tag: "Offline",
        since: status._tag === "Offline" || status._tag === "Connecting" ? status.since : now,
        retryAt: change.retryAt,
        why: change.why
      }
    case "Refused":
      return { _tag: "Refused", error: change.error, fix: change.fix }
    case "Stop":
      return { _tag: "Stopped" }
  }
}
