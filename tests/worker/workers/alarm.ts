/** The template's Worker, whose object tells of its alarm, and rings it before its time: an hour is long for a test. */
import { SyncDurableObject as Hub, type Env as HubEnv, handleRequest } from "agent-sync/worker"
import { TenantId } from "../../../sdk/src/domain/Ids.ts"
import { ADMITTED_HEADER, admittedText } from "../../../sdk/src/worker/admitted.ts"

type Env = Omit<HubEnv, "SYNC"> & { readonly SYNC: DurableObjectNamespace<SyncDurableObject> }

export class SyncDurableObject extends Hub {
  /** Logs that were left after each alarm of this life. */
  readonly #left: Array<number> = []

  ring() {
    return this.ctx.storage.setAlarm(Date.now())
  }

  async look() {
    return { next: await this.ctx.storage.getAlarm(), left: this.#left }
  }

  override async alarm() {
    await super.alarm()
    const admitted = admittedText({
      tenant: TenantId.make("acme"),
      rights: { roles: ["admin"] },
      extended: false,
      upgrade: false,
      path: ["logs"]
    })
    const listed = await this.fetch(new Request("https://object", { headers: { [ADMITTED_HEADER]: admitted } }))
    if (listed.ok) this.#left.push(((await listed.json()) as { logs: ReadonlyArray<unknown> }).logs.length)
  }
}

export default {
  fetch: async (request, env) => {
    const [, called, tenant = ""] = new URL(request.url).pathname.split("/")
    if (called !== "ring" && called !== "look") return handleRequest(request, env)
    return Response.json((await env.SYNC.get(env.SYNC.idFromName(tenant))[called]()) ?? null)
  }
} satisfies ExportedHandler<Env>
