/**
 * The Worker's front door: which tenant, who may enter, then on to the tenant's object. A request that is refused
 * wakes no object.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Logger from "effect/Logger"
import { admit, answer, needsUpgrade } from "../hub/Api.ts"
import { hubLog } from "../hub/HubLog.ts"
import { accessOf, hubSettings } from "../hub/HubSettings.ts"
import { SUBPROTOCOL } from "../protocol/Message.ts"
import { ADMITTED_HEADER, admittedText } from "./admitted.ts"
import type { Env } from "./Env.ts"

/** Total: whatever comes is answered. */
export const handleRequest = async (request: Request, env: Env): Promise<Response> => {
  const settings = hubSettings({ ...env })
  if (Either.isLeft(settings)) {
    return answer(503, settings.left.what, "Set it in wrangler.jsonc, or with wrangler secret, and deploy again.")
  }
  const { debug, storage = "do" } = settings.right
  const door = { access: accessOf(settings.right), settings: settings.right, kind: "worker", storage }
  const admitted = await admit(door, request).pipe(
    Effect.provide(hubLog(debug, Logger.withLeveledConsole)),
    Effect.runPromise
  )
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
