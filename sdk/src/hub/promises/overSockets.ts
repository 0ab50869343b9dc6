/**
 * Asks a hub anywhere for its promises, over real sockets. All that is written goes into scratch logs with random names in one
 * tenant; where a token may administer, they are removed again, and otherwise named to whoever asked.
 */
import type { Grant, Role } from "../../crypto/AccessToken.ts"
import { makeLog } from "../../crypto/LogKey.ts"
import type { LogId } from "../../domain/Ids.ts"
import { encodeRequest } from "../../protocol/Codec.ts"
import type { Request } from "../../protocol/Message.ts"
import type { Network, Timers } from "../../sync/Link.ts"
import { askAll, type Outcome } from "./promises.ts"
import { Broken, makeEar, type Need, type Socket, type World } from "./World.ts"

/** A hub, and what there is to ask it with. */
export interface HubUnderTest {
  readonly network: Network
  readonly timers: Timers
  /** `ws://` or `wss://`, with the tenant in the path. */
  readonly url: string
  /** The token for most of it; undefined where the hub asks for none. */
  readonly token: string | undefined
  /** Makes a token of other rights, where the hub's auth secret is at hand. */
  readonly mint?: (rights: { readonly roles: Grant["roles"]; readonly logs?: ReadonlyArray<LogId> }) => Promise<string>
  /** One that perhaps may administer this tenant; the hub is asked whether it may. */
  readonly admin?: string
  /** Breaks the asking off: what was written so far is removed, as at the end. */
  readonly signal?: AbortSignal
  readonly onOutcome: (outcome: Outcome) => void
}

/** What came of the asking. */
export interface Tested {
  readonly outcomes: ReadonlyArray<Outcome>
  /** Scratch logs that could not be removed. */
  readonly left: ReadonlyArray<string>
}

/** Milliseconds that a hub may take to open a socket, or to answer a Ping. */
const PATIENCE_MS = 10_000
/** Ids of the Pings that ask whether all was answered; no promise uses such large ones. */
const ASKING = 2 ** 40
/** Milliseconds of quiet at least, and at most; as long as a Ping took in between. */
const QUIET_MS = [2, 200] as const

/** Rejects with `Broken` where it cannot even be asked: no socket opens, or no Hello comes. */
export const testHub = async (given: HubUnderTest): Promise<Tested> => {
  const { admin, ...plain } = given
  const hub: HubUnderTest = admin !== undefined && (await mayAdminister(given.url, admin)) ? given : plain
  const used = new Set<string>()
  const open: Array<SocketWorld> = []
  const start = async () => {
    for (const world of open.splice(0)) world.end()
    const world = makeSocketWorld(hub, used)
    open.push(world)
    return world
  }
  try {
    const first = await start()
    const socket = first.connect()
    await first.settle()
    const hello = socket.heard.find(({ _tag }) => _tag === "Hello")
    if (hello?._tag !== "Hello") {
      const close = socket.closes[0]
      const why = close === undefined ? "" : `: it closed with ${close.code} ${close.reason}`.trimEnd()
      throw new Broken({ what: `The hub does not greet${why}.` })
    }
    const stranger = await hub.network.explain({ url: hub.url, token: undefined })
    const has = new Set<Need>([
      ...(stranger._tag === "Refused" ? (["door"] as const) : []),
      ...(hello.agentSync === undefined ? [] : (["extension"] as const)),
      ...(hub.mint === undefined ? [] : (["rights"] as const)),
      ...(hub.admin === undefined ? [] : (["admin"] as const))
    ])
    const { onOutcome, signal } = hub
    const outcomes = await askAll({ start, has, onOutcome, ...(signal === undefined ? {} : { signal }) })
    // The hub may not have taken yet all that a promise sent that was broken off.
    if (signal?.aborted === true) await Promise.all(open.map(({ answered }) => answered()))
    return { outcomes, left: await removed(hub, used) }
  } finally {
    for (const world of open) world.end()
  }
}

interface SocketWorld extends World {
  /** Whether the hub answered a Ping on every socket, behind all that was sent there, while one may wait for it. */
  readonly answered: () => Promise<boolean>
  readonly end: () => void
}

const makeSocketWorld = (hub: HubUnderTest, used: Set<string>): SocketWorld => {
  const sockets: Array<{ readonly ask: () => Promise<void>; readonly count: () => number; readonly end: () => void }> =
    []
  /** Logs as promises call them, and as they are called at the hub. */
  const names = new Map<string, LogId>()
  const atHub = (log: string) => {
    const known = names.get(log) ?? makeLog().id
    names.set(log, known)
    return known
  }
  const called = (id: string) => {
    for (const [log, known] of names) if (known === id) return log
    return id
  }
  const onWire = (request: Request): Request => {
    if (!("publicKey" in request)) return request
    const publicKey = atHub(request.publicKey)
    if (request._tag === "WriteEntries" && request.encryptedEntries.length > 0) used.add(publicKey)
    return { ...request, publicKey }
  }
  let pings = ASKING
  const heardByAll = () => sockets.reduce((sum, { count }) => sum + count(), 0)
  const sleep = (ms: number) => new Promise<void>((resolve) => hub.timers.after(ms, resolve))
  const isOff = () => hub.signal?.aborted === true
  const answered = () =>
    Promise.race([Promise.all(sockets.map(({ ask }) => ask())).then(() => true), sleep(PATIENCE_MS).then(() => false)])

  const connect: World["connect"] = ({ extended: _, ...rights } = {}): Socket => {
    const ear = makeEar()
    const waiting = new Map<number, () => void>()
    let gone = false
    const goes = () => {
      gone = true
      for (const done of waiting.values()) done()
      opened()
    }
    let opened: () => void = () => {}
    const isOpen = new Promise<void>((resolve) => {
      opened = resolve
    })
    const own = rights.roles === undefined && rights.logs === undefined
    const logs = rights.logs?.map(atHub)
    const token = own
      ? Promise.resolve(hub.token)
      : hub.mint?.({ roles: rolesOf(rights.roles), ...(logs === undefined ? {} : { logs }) })
    const socket = Promise.resolve(token).then((token) =>
      hub.network.open(
        { url: hub.url, token },
        {
          onOpen: opened,
          onFrame: (frame) => {
            if (gone) return
            ear.hear(frame)
            const last = ear.heard.at(-1)
            if (last?._tag === "Pong" && last.id > ASKING) {
              ear.heard.pop()
              ear.frames.pop()
              waiting.get(last.id)?.()
              waiting.delete(last.id)
            } else if (last?._tag === "Changes") {
              ear.heard[ear.heard.length - 1] = { ...last, publicKey: called(last.publicKey) }
            }
          },
          onClose: (code, reason) => {
            if (!gone) ear.closes.push({ code, reason })
            goes()
          }
        }
      )
    )
    /** Sends keep their order, and wait for the socket. */
    let sending: Promise<unknown> = isOpen
    const send = (frame: Uint8Array | string) => {
      sending = sending.then(async () => {
        if (!gone) (await socket).send(frame)
      })
    }
    const leave = () => {
      sending = sending.then(async () => {
        goes()
        ;(await socket).close(1000, "done")
      })
    }
    sockets.push({
      count: () => ear.heard.length + ear.texts.length + ear.closes.length,
      ask: () =>
        new Promise((resolve) => {
          const id = ++pings
          waiting.set(id, resolve)
          if (gone) resolve()
          else send(encodeRequest({ _tag: "Ping", id }))
        }),
      end: leave
    })
    return {
      ...ear,
      write: (frame) => {
        if (isOff()) return
        send(typeof frame === "string" || frame instanceof Uint8Array ? frame : encodeRequest(onWire(frame)))
      },
      leave
    }
  }

  return {
    connect,
    onWire,
    knock: (whose) => hub.network.explain({ url: hub.url, token: whose === "ours" ? hub.token : "nobody's-token" }),
    settle: async () => {
      for (let quiet = 0; quiet < 2; ) {
        const before = heardByAll()
        const began = hub.timers.now()
        if (!(await answered())) throw new Broken({ what: "The hub did not answer a Ping within 10 seconds." })
        if (isOff()) throw new Broken({ what: "It was broken off." })
        await sleep(Math.min(Math.max(hub.timers.now() - began, QUIET_MS[0]), QUIET_MS[1]))
        quiet = heardByAll() === before ? quiet + 1 : 0
      }
    },
    ...(hub.admin === undefined
      ? {}
      : {
          retire: async (log: string) => {
            if (await retire(hub, atHub(log))) return
            throw new Broken({ what: "The hub did not retire a log for a token that may administer." })
          }
        }),
    answered,
    end: () => {
      for (const { end } of sockets) end()
    }
  }
}

const rolesOf = ([first, ...more]: ReadonlyArray<Role> = ["read", "write"]): Grant["roles"] => [
  first ?? "read",
  ...more
]

const addressOf = (url: string, path: string) => `${url.replace(/^ws/, "http")}/${path}`

const asked = (address: string, token: string, method: string): Promise<number> =>
  fetch(address, { method, headers: { authorization: `Bearer ${token}` } }).then(
    ({ status }) => status,
    () => 0
  )

const mayAdminister = async (url: string, token: string) =>
  (await asked(addressOf(url, "revocations"), token, "GET")) === 200

/** Answers what is left. */
const removed = async (hub: HubUnderTest, used: ReadonlySet<string>): Promise<ReadonlyArray<string>> => {
  const left: Array<string> = []
  for (const log of used) if (!(await retire(hub, log))) left.push(log)
  return left
}

/** True where the log is not there any more. */
const retire = async ({ admin, url }: HubUnderTest, log: string): Promise<boolean> => {
  if (admin === undefined) return false
  const status = await asked(addressOf(url, `logs/${encodeURIComponent(log)}?kept=true`), admin, "DELETE")
  return status === 200 || status === 404
}
