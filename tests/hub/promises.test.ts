/** `hub test` over real sockets: our hubs keep every promise, a hub that breaks one is told which, and what is no hub is told so. */
import { describe, expect, setDefaultTimeout, test } from "bun:test"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import { make } from "../../sdk/src/bun/EventLogRemoteServer.ts"
import { network } from "../../sdk/src/bun/network.ts"
import { mint, verify } from "../../sdk/src/crypto/AccessToken.ts"
import { TenantId } from "../../sdk/src/domain/Ids.ts"
import * as Access from "../../sdk/src/hub/Access.ts"
import type { HubStorage, Page } from "../../sdk/src/hub/HubStorage.ts"
import * as MemoryStorage from "../../sdk/src/hub/MemoryStorage.ts"
import { testHub } from "../../sdk/src/hub/promises/overSockets.ts"
import { promises } from "../../sdk/src/hub/promises/promises.ts"
import { liveTimers } from "../../sdk/src/sync/Link.ts"
import { machine, startHub, tempFolder } from "../support/cli.ts"
import { right } from "../support/right.ts"
import { afterThisTest } from "../support/undo.ts"
import { startWorkerd } from "../support/workerd.ts"

setDefaultTimeout(60_000)
const SECRET = "a secret that is long enough to sign tokens"
const tenant = TenantId.make("acme")
const secret = new TextEncoder().encode(SECRET)
const token = (grant: Omit<Parameters<typeof mint>[1], "tenant">) => mint(secret, { tenant, ...grant }, 600)

/** A hub on Bun whose storage does something else than it should. */
const serve = async (
  spoilt: (storage: HubStorage) => Partial<HubStorage> = () => ({}),
  access = Access.make({ verify: (token) => verify([secret], token) })
) => {
  const scope = await Effect.runPromise(Scope.make())
  afterThisTest(() => Effect.runPromise(Scope.close(scope, Exit.void)))
  const storage = MemoryStorage.make()
  const changed = spoilt(storage)
  const running = await make({
    port: 0,
    hostname: "127.0.0.1",
    access,
    storage: () =>
      Either.right(
        new Proxy(storage, {
          get: (target, name) => Reflect.get(name in changed ? changed : target, name)
        })
      )
  }).pipe(Scope.extend(scope), Effect.provide(Logger.remove(Logger.defaultLogger)), Effect.runPromise)
  return { url: `${running.url}/event-log/acme`, storage }
}

const ask = async (url: string, { whole = true } = {}) => {
  const tested = await testHub({
    network,
    timers: liveTimers,
    url,
    token: await token({ roles: ["read", "write"] }),
    ...(whole ? { mint: token } : {}),
    admin: await token({ roles: whole ? ["admin"] : ["read"] }),
    onOutcome: () => {}
  })
  const of = (result: string) => tested.outcomes.filter((outcome) => outcome.result === result)
  return { ...tested, kept: of("kept").length, broken: of("broken"), notAsked: of("not asked") }
}

/** The storage's page after something was done to it. */
const paged = (storage: HubStorage, change: (page: Page) => Page): Partial<HubStorage> => ({
  page: (...asked) => Effect.map(storage.page(...asked), change)
})

describe("hub test", () => {
  test("finds every promise kept by the hub on Bun, and leaves nothing there", async () => {
    const { storage, url } = await serve()
    const { broken, kept, left, notAsked } = await ask(url)
    expect([broken, notAsked, left]).toEqual([[], [], []])
    expect(kept).toBe(promises.length)
    expect(right(await Effect.runPromise(Effect.either(storage.logs())))).toEqual([])
  })

  test("finds every promise kept by the Worker", async () => {
    const workerd = await startWorkerd({ bindings: { SYNC_AUTH_SECRET: SECRET } })
    afterThisTest(workerd.stop)
    const { broken, kept, left, notAsked } = await ask(`${workerd.url}/event-log/acme`)
    expect([broken, notAsked, left]).toEqual([[], [], []])
    expect(kept).toBe(promises.length)
  })

  test("does not ask what its token cannot, and names what it had to leave", async () => {
    const { url } = await serve()
    const { broken, left, notAsked } = await ask(url, { whole: false })
    expect(broken).toEqual([])
    expect(notAsked.map(({ promise }) => promise)).toEqual([
      "counts kept logs in its greeting",
      "lets a token for writing append and read nothing, and one for reading the other way round",
      "takes a token for some logs for no others",
      "refuses late writes to a retired log by name, and brings nothing of it back"
    ])
    expect(left.length).toBeGreaterThan(10)
  })

  test("says that a hub lets everyone in", async () => {
    const { url } = await serve(() => ({}), Access.off)
    const { notAsked } = await ask(url, { whole: false })
    expect(notAsked).toContainEqual({
      promise: "tells a plain GET whether its token is good, and refuses one that is nobody's",
      result: "not asked",
      why: "The hub lets everyone in: it asks for no token."
    })
  })

  test("names each promise that a hub breaks, and what it did instead; the others are kept", async () => {
    const { url } = await serve((storage) => ({
      ...paged(storage, ({ chain: _, ...page }) => ({
        ...page,
        head: page.head === 4 ? 5 : page.head,
        chain: new Uint8Array(32)
      })),
      kept: () => Either.right(7),
      retire: (logs) => Either.right(logs.length)
    }))
    const { broken, kept } = await ask(url)
    const why = (text: string): string => expect.stringContaining(text)
    expect(broken.map(({ promise, why }) => [promise, why])).toEqual([
      ["counts kept logs in its greeting", why("Kept logs after one more was written: it should be 8, and is 7.")],
      [
        "answers an empty page, tells the head alone to a limit of 0, and never subscribes a bounded read",
        why("Length, head and more of four bounded reads: ")
      ],
      ["tells a chain that is the one its entries make", why("The chain at the head: ")],
      [
        "refuses late writes to a retired log by name, and brings nothing of it back",
        why("Writes to the retired log and to a new one: ")
      ]
    ])
    expect(kept).toBe(promises.length - broken.length)
  })

  test("names it where a hub gives an entry that comes again a new number", async () => {
    const { url } = await serve((storage) => ({
      append: (log, iv, entries, keep) => {
        const renamed = entries.map((entry) => ({ ...entry, entryId: crypto.getRandomValues(new Uint8Array(16)) }))
        return storage.append(log, iv, renamed, keep)
      }
    }))
    const { broken } = await ask(url)
    expect(broken.map(({ promise }) => promise)).toEqual([
      "gives every id one number, however often it comes, and keeps the first bytes",
      "does not tell again what was known already"
    ])
  })

  test("says of something else that it is no hub", async () => {
    const echo = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: (request, server) => (server.upgrade(request) ? undefined : new Response("hello")),
      websocket: { message: (socket) => void socket.close(1000) }
    })
    afterThisTest(() => echo.stop(true))
    const answer = ask(`ws://127.0.0.1:${echo.port}/event-log/acme`)
    expect(answer).rejects.toThrow("The hub does not greet: it closed with 1000.")
    await answer.catch(() => {})
  })
})

test("agent-sync hub test reports each promise, and says why it cannot ask", async () => {
  const here = machine(tempFolder(), { AGENT_SYNC_TENANT: "acme" })
  await here.run(["init", "--local", "--yes", "--tenant", "acme"])
  const hub = await startHub(here)
  const text = await here.run(["hub", "test", hub.url])
  expect(text.code).toBe(0)
  expect(text.stderr).toBe("")
  expect(text.stdout).toContain("✓ numbers each log by itself\n")
  expect(text.stdout).toEndWith(`\n${promises.length} promises kept, 0 broken.\n`)
  // One that is given goes before what this machine's secret would make.
  const refused = await here.run(["hub", "test", hub.url], { env: { AGENT_SYNC_TOKEN: "not one" } })
  expect([refused.code, refused.stdout]).toEqual([4, ""])
  await hub.kill()
  const away = await here.run(["hub", "test", hub.url])
  expect(away.code).toBe(3)
  expect(away.stderr).toContain("cannot be reached")
})

test("agent-sync hub test that is interrupted removes what it wrote, and says that it did not ask everything", async () => {
  const here = machine(tempFolder(), { AGENT_SYNC_TENANT: "acme" })
  const { storage, url } = await serve()
  const all = await token({ roles: ["read", "write", "admin"] })
  for (const more of [[], ["--json"]]) {
    const asking = here.start(["hub", "test", url, "--token", all, ...more])
    await asking.until((stdout) => stdout.includes("200 entries, in order"))
    asking.process.kill("SIGINT")
    const { code, stderr, stdout } = await asking.ended
    expect(code).toBe(130)
    expect(stderr).toContain("interrupted")
    expect(stderr).not.toContain(all)
    expect(stdout).not.toContain(promises.at(-1)!.name)
    const lines = stdout.trimEnd().split("\n")
    if (more.length === 0) expect(lines.at(-1)).toMatch(/^\d+ promises kept, 0 broken\.$/)
    else {
      const kept = lines.length - 1
      expect(JSON.parse(lines[0]!)).toEqual({ schema: 1, promise: promises[0]!.name, result: "kept" })
      expect(JSON.parse(lines.at(-1)!)).toEqual({ schema: 1, kept, broken: 0, notAsked: 0, left: [] })
    }
    expect(right(await Effect.runPromise(Effect.either(storage.logs())))).toEqual([])
  }
})

test("agent-sync hub test exits with 1 for a hub that breaks a promise, and says which; with 4 where it has no token", async () => {
  const here = machine(tempFolder(), { AGENT_SYNC_TENANT: "acme" })
  const { url } = await serve(() => ({ kept: () => Either.right(7) }))
  const { code, stderr, stdout } = await here.run([
    "hub",
    "test",
    url,
    "--token",
    await token({ roles: ["admin", "read", "write"] })
  ])
  expect([code, stderr]).toEqual([1, ""])
  expect(stdout).toContain(
    "\n✗ counts kept logs in its greeting\n    Kept logs after one more was written: it should be 8, and is 7.\n"
  )
  expect(stdout).toMatch(/\n\d+ promises kept, 1 broken, 2 not asked\.\n$/)
  const without = await here.run(["hub", "test", url])
  expect([without.code, without.stdout]).toEqual([4, ""])
  expect(without.stderr).toContain("The hub refused")
})
