/**
 * A hub with sockets in memory: a test writes requests, rules how slow each socket is, and sees every message that
 * came out of it, whole and decoded. Turns of the event loop pass when the test says so.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { makeHub } from "../../sdk/src/hub/Hub.ts"
import type { HubStorage } from "../../sdk/src/hub/HubStorage.ts"
import { makeEar, type Socket, type World } from "../../sdk/src/hub/promises/World.ts"
import * as Codec from "../../sdk/src/protocol/Codec.ts"

export {
  asking,
  connected,
  entries,
  entry,
  following,
  makeEar,
  type Socket,
  stopping,
  upTo,
  type World,
  writing
} from "../../sdk/src/hub/promises/World.ts"

/** One that a test rules. */
export interface RuledSocket extends Socket {
  /** Bytes that wait in the socket. */
  stuck: number
  /** What waited has left. */
  readonly drain: () => void
  /** From now on every send throws. */
  readonly breakDown: () => void
}

export interface RuledWorld extends World<RuledSocket> {
  readonly hub: ReturnType<typeof makeHub>
  /** One turn of the event loop; answers how much there was to do. */
  readonly turn: () => number
  readonly troubles: ReadonlyArray<string>
  /** Milliseconds since 1970. */
  now: number
}

export const makeWorld = (given: HubStorage): RuledWorld => {
  /** Questions that the storage has not answered yet. */
  let asked = 0
  const storage = counting(given, (change) => {
    asked += change
  })
  let later: Array<() => void> = []
  let happened = 0
  const troubles: Array<string> = []
  const world: RuledWorld = {
    now: 0,
    troubles,
    hub: makeHub({
      storage,
      now: () => world.now,
      later: (run) => void later.push(run),
      onTrouble: (what) => void troubles.push(what)
    }),
    turn: () => {
      const due = later
      later = []
      for (const run of due) run()
      return due.length
    },
    retire: async (log) => void (await Effect.runPromise(world.hub.retire([log]))),
    settle: async () => {
      for (let quiet = 0; quiet < 3; ) {
        const before = happened
        quiet = later.length === 0 && asked === 0 ? quiet + 1 : 0
        world.turn()
        await new Promise((resolve) => setTimeout(resolve, 0))
        if (happened !== before) quiet = 0
      }
    },
    connect: ({ extended = true, ...rights } = {}) => {
      const ear = makeEar()
      let broken = false
      const connection = world.hub.open({
        extended,
        grant: { roles: ["read", "write"], ...rights },
        copies: true,
        buffered: () => socket.stuck,
        close: (code, reason) => {
          ear.closes.push({ code, reason })
          connection?.closed()
        },
        send: (frame) => {
          happened++
          if (broken) throw new Error("this socket is dead")
          ear.hear(typeof frame === "string" ? frame : frame.slice())
        }
      })
      const socket: RuledSocket = {
        ...ear,
        stuck: 0,
        write: (frame) => {
          happened++
          connection.receive(
            typeof frame === "string" || frame instanceof Uint8Array ? frame : Codec.encodeRequest(frame)
          )
        },
        drain: () => {
          socket.stuck = 0
          connection.drained()
        },
        breakDown: () => {
          broken = true
        },
        leave: () => connection.closed()
      }
      return socket
    }
  }
  return world
}

/** The same storage; tells when a question begins and when it is answered, where that takes time. */
const counting = (storage: HubStorage, change: (by: 1 | -1) => void): HubStorage =>
  new Proxy(storage, {
    get: (target, name, self) => {
      const value: unknown = Reflect.get(target, name, self)
      if (typeof value !== "function") return value
      return (...args: ReadonlyArray<unknown>) => {
        const answer: unknown = Reflect.apply(value, target, args)
        if (!Effect.isEffect(answer) || Either.isEither(answer)) return answer
        return Effect.acquireUseRelease(
          Effect.sync(() => change(1)),
          () => answer,
          () => Effect.sync(() => change(-1))
        )
      }
    }
  })

export type MakeStorage = () => HubStorage | Promise<HubStorage>
export type MakeWorld = () => World | Promise<World>
export type MakeRuledWorld = () => RuledWorld | Promise<RuledWorld>

/** A hub that is ready. */
export const startOn = async <W extends World>(make: () => W | Promise<W>): Promise<W> => {
  const world = await make()
  await world.settle()
  return world
}
