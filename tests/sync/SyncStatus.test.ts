import { describe, expect, test } from "bun:test"
import { next, type SyncStatus } from "../../sdk/src/sync/SyncStatus.ts"

const connecting: SyncStatus = { _tag: "Connecting", since: 0 }

describe("SyncStatus", () => {
  test("is live from the hub's greeting on", () => {
    expect(next(connecting, { _tag: "Hello" }, 5)).toEqual({ _tag: "Live", since: 5 })
  })

  test("counts as offline since the moment the connection was lost, through every failed attempt", () => {
    let status = next({ _tag: "Live", since: 1 }, { _tag: "Lost", why: "cut", retryAt: 30 }, 10)
    expect(status).toEqual({ _tag: "Offline", since: 10, retryAt: 30, why: "cut" })
    status = next(status, { _tag: "Attempt" }, 30)
    status = next(status, { _tag: "Lost", why: "still cut", retryAt: 90 }, 31)
    expect(status).toEqual({ _tag: "Offline", since: 10, retryAt: 90, why: "still cut" })
  })

  test("a first attempt that fails counts from when it began", () => {
    expect(next(connecting, { _tag: "Lost", why: "no answer", retryAt: 9 }, 4)).toMatchObject({
      _tag: "Offline",
      since: 0
    })
  })

  test("a refusal is final until it is stopped", () => {
    const refused = next(connecting, { _tag: "Refused", error: "no", fix: undefined }, 1)
    expect(next(refused, { _tag: "Attempt" }, 2)).toBe(refused)
    expect(next(refused, { _tag: "Stop" }, 3)).toEqual({ _tag: "Stopped" })
  })

  test("nothing changes after the stop", () => {
    expect(next({ _tag: "Stopped" }, { _tag: "Hello" }, 3)).toEqual({ _tag: "Stopped" })
  })
})
