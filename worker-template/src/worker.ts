/** Your sync Worker. Add checks of your own in front of `handleRequest`; it answers whatever comes. */
import { type Env, handleRequest } from "agent-sync/worker"

export { SyncDurableObject } from "./do/SyncDurableObject.ts"

export default {
  fetch: (request, env) => handleRequest(request, env)
} satisfies ExportedHandler<Env>
