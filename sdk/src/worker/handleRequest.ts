/**
 * The Worker's front door: which tenant, who may enter, then on to the tenant's object. A request that is refused
 * wakes no object.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Logger from "effect/Logger"
import { admit, answer, type Door, enter, needsUpgrade } from "../hub/Api.ts"
import { hubLog } from "../hub/HubLog.ts"
import { accessOf, type BadHubSetting, hubSettings } from "../hub/HubSettings.ts"
import { SUBPROTOCOL } from "../protocol/Message.ts"
import { ADMITTED_HEADER, admittedText } from "./admitted.ts"
import type { Env } from "./Env.ts"

/** Total: whatever comes is answered. */
export const handleRequest = async (request: Request, env: Env): Promise<Response> => {
  const found = doorOf(env)
  if (Either.isLeft(found)) {
    return answer(503, found.left.what, "Set it in wrangler.jsonc, or with wrangler secret, and deploy again.")
  }
  const { debug, door } = found.right
  const admitted = debug
    ? await admit(door, request).pipe(Effect.provide(hubLog(debug, Logger.withLeveledConsole)), Effect.runPromise)
    : await enter(door, request)
  if (Either.isLeft(admitted)) return admitted.left
  const { extended, path, rights, tenant, upgrade } = admitted.right
  // How a client asks why an upgrade was refused: only what may have been revoked has to be looked up.
  if (!upgrade && path.length === 0 && request.method === "GET" && rights.id === undefined) return needsUpgrade()
  const headers = new Headers({ [ADMITTED_HEADER]: admittedText(admitted.right) })
  if (upgrade) headers.set("upgrade", "websocket")
  if (extended) headers.set("sec-websocket-protocol", SUBPROTOCOL)
  const { body, method, url } = request
  return env.SYNC.get(env.SYNC.idFromName(tenant)).fetch(url, { method, headers, body })
}

/** What an environment says, read once: it stays as it is as long as the Worker does. */
const doors = new WeakMap<Env, Entrance>()
type Entrance = Either.Either<{ readonly door: Door; readonly debug: boolean }, BadHubSetting>
const doorOf = (env: Env): Entrance => {
  const known = doors.get(env)
  if (known !== undefined) return known
  const door = Either.map(hubSettings({ ...env }), (settings) => {
    const { debug, storage = "do" } = settings
    return { door: { access: accessOf(settings), settings, kind: "worker", storage }, debug }
  })
  doors.set(env, door)
  return door
}
