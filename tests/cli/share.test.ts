/** `agent-sync share`: a link opens one session and nothing else, for as long as it was made for. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import {
  type KnownSession,
  parseShareLink,
  printKey,
  type ShareLink,
  type SyncStatus,
  TenantId,
  verifyToken
} from "agent-sync"
import { connectShared } from "agent-sync/bun"
import { loadPage, type Page } from "../../cli/src/commands/viewer/page.ts"
import { serveViewer } from "../../cli/src/commands/viewer/serve.ts"
import { seenBy } from "../browser/reading.ts"
import { readingPage } from "../browser/readingPage.ts"
import { launch, newPage } from "../support/browser.ts"
import { type Machine, machine, startHub } from "../support/cli.ts"
import { keysOf, readAll } from "../support/reader.ts"
import { right } from "../support/right.ts"
import { afterThisTest } from "../support/undo.ts"

setDefaultTimeout(60_000)

const play = join(import.meta.dir, "..", "support", "play.ts")

let browser: Awaited<ReturnType<typeof launch>>
let page: Page

beforeAll(async () => {
  page = await readingPage()
  browser = await launch()
})
afterAll(() => browser.close())

const init = async () => {
  const here = machine()
  await here.run(["init", "--local", "--yes", "--tenant", "acme"])
  return here
}

interface Shared {
  readonly id: string
  readonly url: string
  readonly until: number
  readonly session: string
}
const share = async (on: Machine, hub: string, session: string, ...args: ReadonlyArray<string>): Promise<Shared> => {
  const { stdout, stderr, code } = await on.run(["share", session, "--json", "--url", hub, ...args])
  expect([code, stderr]).toEqual([0, ""])
  return JSON.parse(stdout)
}

/** A session that says `before`, waits for `go`, then says `after`. */
const talking = async (on: Machine, hub: string) => {
  const file = join(on.home, "said.txt")
  const gate = join(on.home, "gate")
  writeFileSync(file, "said before\nsaid after\n")
  const running = on.start(["run", "--url", hub, "--", process.execPath, play, file, "0", gate, "1"])
  const go = () => writeFileSync(gate, "")
  // Whatever comes between, what waits for the gate ends with the test.
  afterThisTest(go)
  await running.until((text) => text.includes("said before"))
  return { go, ended: running.ended }
}

/** Sessions of the tenant, once there are so many at the hub. */
const sessionsAt = async (on: Machine, hub: string, count: number): Promise<ReadonlyArray<KnownSession>> => {
  for (let tries = 0; tries < 100; tries++) {
    const { sessions } = await readAll(on, hub)
    if (sessions.length >= count && sessions.every(({ events }) => events.length > 0)) {
      return sessions.map(({ session }) => session)
    }
    await Bun.sleep(50)
  }
  throw new Error(`there never were ${count} sessions`)
}

/** All that a link's holder is told until every log has answered. */
const readLink = (link: ShareLink) =>
  new Promise<{ texts: ReadonlyArray<string>; sessions: number; refused: ReadonlyArray<string> }>((resolve) => {
    const texts: Array<string> = []
    const refused: Array<string> = []
    let open = link.logs.length
    const one = () => {
      if (--open > 0) return
      remote.stop()
      resolve({ texts, refused, sessions: [...remote.reader.sessions()].length })
    }
    const remote = connectShared({
      link,
      onStatus: () => {},
      events: {
        onSession: ({ log }, change) => {
          if (change === "started") remote.reader.watch(log, "all")
        },
        onIndexRead: () => {},
        onEntries: (_, entries) => {
          for (const { content } of entries) {
            if (content._tag === "Event" && content.event.kind === "note") texts.push(content.event.data.text ?? "")
          }
        },
        onCaughtUp: one,
        onNotice: (_, notice) => {
          if (notice._tag !== "Refused") return
          refused.push(notice.refusal.reason)
          one()
        },
        onWrongKey: () => {}
      }
    })
    afterThisTest(remote.stop)
  })

describe("a share link", () => {
  test("shows its session live in a page without a secure context, and no other session", async () => {
    const here = await init()
    const hub = await startHub(here)
    await here.run(["run", "--url", hub.url, "--", "echo", "a secret of another session"])
    const session = await talking(here, hub.url)
    const known = await sessionsAt(here, hub.url, 2)
    const talk = known.toSorted((a, b) => a.startedAt - b.startedAt).at(-1)!
    const { url } = await share(here, hub.url, talk.origin.session)

    // The viewer has no token of its own here: what is read is read with the link's.
    const serving = serveViewer({
      page,
      tenant: "acme",
      version: "1",
      port: 0,
      hub: { url: `${hub.url}/event-log/acme`, token: async () => undefined }
    })
    afterThisTest(serving.stop)
    const opened = await newPage(browser)
    await opened.page.addInitScript("Object.defineProperty(crypto, 'subtle', { value: undefined })")
    await opened.page.goto(`${serving.url}/${new URL(url).hash}`)
    const until = seenBy(opened)
    const before = await until(({ texts }) => texts.includes("said before"))
    expect(before.sessions).toHaveLength(1)
    session.go()
    await session.ended
    const after = await until(({ kinds }) => kinds.includes("session_end"))
    expect(after.texts).toEqual(["said before", "said after"])
    expect(after.notices).toEqual([])
    expect(opened.complaints).toEqual([])
  })

  test("opens at the hub of agent-sync dev, as at one on Cloudflare: the page stands beside the hub", async () => {
    const here = await init()
    const hub = await startHub(here)
    await here.run(["run", "--url", hub.url, "--", "echo", "said to the page"])
    const session = (await here.run(["export", "--all", "--url", hub.url])).stdout
    const { url } = await share(here, hub.url, (JSON.parse(session.split("\n")[0]!) as { session: string }).session)
    expect(new URL(url).host).toBe(new URL(hub.url).host)
    const { complaints, page: tab } = await newPage(browser)
    await tab.goto(url)
    await tab.getByText("said to the page").first().waitFor()
    expect(complaints).toEqual([])
  })

  test("opens in the viewer's own page, at its session, and the page says why when it is revoked", async () => {
    const here = await init()
    const hub = await startHub(here)
    await here.run(["run", "--url", hub.url, "--", "echo", "said in it"])
    const [read] = (await readAll(here, hub.url)).sessions
    const { id, url } = await share(here, hub.url, read!.session.origin.session)
    const serving = serveViewer({
      page: await loadPage(),
      tenant: "acme",
      version: "1",
      port: 0,
      hub: { url: `${hub.url}/event-log/acme`, token: async () => undefined }
    })
    afterThisTest(serving.stop)
    const { complaints, page: tab } = await newPage(browser)
    await tab.goto(`${serving.url}/${new URL(url).hash}`)
    await tab.getByText("said in it").first().waitFor()
    expect(tab.url()).not.toContain("share")
    await here.run(["share", "revoke", id, "--url", hub.url])
    await tab.getByRole("heading", { level: 1, name: "The hub refused" }).waitFor()
    expect(await tab.locator("main q").textContent()).toContain("revoked")
    await tab.getByText("Ask whoever shared this session with you for a new link.").waitFor()
    expect(await tab.getByText("said in it").count()).toBe(0)
    expect(complaints.filter((text) => !text.includes("401"))).toEqual([])
  })

  test("opens nothing but that session, also for who knows another log and its key", async () => {
    const here = await init()
    const hub = await startHub(here)
    for (const said of ["one", "two"]) await here.run(["run", "--url", hub.url, "--", "echo", said])
    const { sessions } = await readAll(here, hub.url)
    const [first, second] = sessions.map(({ session }) => session)
    const link = right(parseShareLink((await share(here, hub.url, first!.origin.session)).url))
    expect(await readLink(link)).toEqual({ texts: ["one"], refused: [], sessions: 1 })
    const more = { ...link, logs: [...link.logs, { log: second!.log, key: second!.key, writers: [] }] }
    const read = await readLink(more)
    expect([read.texts, read.sessions]).toEqual([["one"], 1])
    expect(read.refused).toHaveLength(1)
  })

  test("names the writers of its log with their signing keys, and one token for reading that log", async () => {
    const here = await init()
    const hub = await startHub(here)
    await here.run(["run", "--url", hub.url, "--", "echo", "one"])
    const [read] = (await readAll(here, hub.url)).sessions
    const made = await share(here, hub.url, read!.session.origin.session, "--ttl", "2h")
    const link = right(parseShareLink(made.url))
    expect(link.tenant).toBe(TenantId.make("acme"))
    expect(link.logs).toHaveLength(1)
    expect(link.logs[0]).toMatchObject({ log: read!.session.log, key: read!.session.key })
    expect(link.logs[0]!.writers.map(({ id }) => Buffer.from(id).toString("hex"))).toEqual([read!.session.writer])
    const secret = readFileSync(join(here.home, "keys", "acme", "auth-secret"), "utf8").trim()
    const grant = right(await verifyToken([new TextEncoder().encode(secret)], link.token))
    expect(grant).toMatchObject({ roles: ["read"], logs: [read!.session.log], id: made.id, exp: made.until })
    expect(made.until - Date.now() / 1000).toBeLessThanOrEqual(7200)
  })

  test("that has ended is refused, and a page that has it open is told why", async () => {
    const here = await init()
    const hub = await startHub(here)
    await here.run(["run", "--url", hub.url, "--", "echo", "one"])
    const [read] = (await readAll(here, hub.url)).sessions
    const link = right(parseShareLink((await share(here, hub.url, read!.session.origin.session, "--ttl", "2s")).url))
    const refusal = await new Promise<string>((resolve) => {
      const remote = connectShared({
        link,
        onStatus: (status) => {
          if (status._tag === "Refused") resolve(status.error)
        },
        events: {
          onSession: () => {},
          onIndexRead: () => {},
          onEntries: () => {},
          onCaughtUp: () => {},
          onNotice: () => {},
          onWrongKey: () => {}
        }
      })
      afterThisTest(remote.stop)
    })
    expect(refusal).toContain("expired")
  })
})

describe("the links of this machine", () => {
  test("are listed by id, session and end; the file holds no key and no token, for this user alone", async () => {
    const here = await init()
    const hub = await startHub(here)
    await here.run(["run", "--url", hub.url, "--", "echo", "one"])
    const [read] = (await readAll(here, hub.url)).sessions
    const { id, url } = await share(here, hub.url, read!.session.origin.session)
    const { stdout } = await here.run(["share", "list"])
    expect(stdout).toMatch(new RegExp(`^${id}  open +until \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d  `))
    const file = join(here.home, "keys", "acme", "tokens.jsonl")
    const text = readFileSync(file, "utf8")
    const link = right(parseShareLink(url))
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(text).toContain(id)
    for (const secret of [
      link.token,
      link.token.split(".")[2]!,
      Buffer.from(link.logs[0]!.key).toString("base64url"),
      Buffer.from(link.logs[0]!.key).toString("hex"),
      printKey(keysOf(here).reader)
    ]) {
      expect(text).not.toContain(secret)
    }
  })

  test("are ended by revoking them: who has one open is told why, it opens no more, and the list says so", async () => {
    const here = await init()
    const hub = await startHub(here)
    await here.run(["run", "--url", hub.url, "--", "echo", "one"])
    const [read] = (await readAll(here, hub.url)).sessions
    const { id, url } = await share(here, hub.url, read!.session.origin.session)
    const link = right(parseShareLink(url))
    const statuses: Array<SyncStatus> = []
    const until = async (tag: SyncStatus["_tag"]) => {
      for (let tries = 0; tries < 500 && statuses.at(-1)?._tag !== tag; tries++) await Bun.sleep(20)
      return statuses.at(-1)
    }
    const nothing = () => {}
    const remote = connectShared({
      link,
      onStatus: (status) => statuses.push(status),
      events: {
        onSession: nothing,
        onIndexRead: nothing,
        onEntries: nothing,
        onCaughtUp: nothing,
        onNotice: nothing,
        onWrongKey: nothing
      }
    })
    afterThisTest(remote.stop)
    await until("Live")
    const { code, stderr } = await here.run(["share", "revoke", id.slice(0, 8), "--url", hub.url])
    expect([code, stderr]).toEqual([0, expect.stringContaining("ended")])
    expect(await until("Refused")).toMatchObject({ error: expect.stringContaining("revoked") })
    expect((await here.run(["share", "list"])).stdout).toContain(`${id}  revoked`)
    const again = await fetch(link.hub!.replace(/^ws/, "http"), { headers: { authorization: `Bearer ${link.token}` } })
    expect(again.status).toBe(401)
  })

  test("that are not there, or cannot be made, are told by name", async () => {
    const here = await init()
    const hub = await startHub(here)
    const none = await here.run(["share", "revoke", "abc"])
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining("No link made on this machine")])
    const unknown = await here.run(["share", "nothing", "--url", hub.url])
    expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining("No session ends with nothing")])
    const long = await here.run(["share", "abc", "--ttl", "soon", "--url", hub.url])
    expect([long.code, long.stderr]).toEqual([2, expect.stringContaining("no time to live")])
  })
})
