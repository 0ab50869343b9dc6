/**
 * Ways by which a notice reaches a person. Each says whether it was delivered, or why not, and never throws. A notice holds
 * what a session's events say, so it goes only where the person who holds the reader key sends it.
 */
import { type Env, variable } from "#folders"

export interface Notice {
  readonly what: "waiting" | "idle" | "ended" | "error" | "cost"
  readonly tenant: string
  readonly session: string
  readonly agent: string
  readonly project: string
  readonly host: string | undefined
  /** Absent where only which session and its state are sent. */
  readonly title: string | undefined
  /** What it waits for, or went wrong. */
  readonly text: string | undefined
  /** Milliseconds since 1970. */
  readonly at: number
}

export type Delivery = { readonly ok: true } | { readonly ok: false; readonly why: string }

export interface Channel {
  readonly name: string
  readonly send: (notice: Notice) => Promise<Delivery>
}

/** Milliseconds that one attempt may take, and the waits between attempts. */
const ATTEMPT_MS = 10_000
const AGAIN_MS = [500, 2_000]

/** `Waiting for you: shop 1a2b`. */
export const headline = ({ project, session, what }: Notice) =>
  `${{ waiting: "Waiting for you", idle: "Idle", ended: "Ended", error: "Failed", cost: "Cost" }[what]}: ${project} ${session.slice(-4)}`
const bodyText = ({ text, title }: Notice) => [text, title].filter((part) => part !== undefined).join("\n")

/**
 * POSTs one JSON object: `{ schema: 1, what, tenant, session, agent, project, host, title, text, at }`, `at` as ISO 8601.
 * Any 2xx answer is delivered.
 */
export const webhook = (url: string, env: Env): Channel => {
  const token = variable(env, "AGENT_SYNC_WEBHOOK_TOKEN")
  return {
    name: "webhook",
    send: (notice) => {
      const { at, ...rest } = notice
      return posted(url, token, { schema: 1, ...rest, at: new Date(at).toISOString() })
    }
  }
}

/**
 * The server's root and the topic that an address names, `https://ntfy.sh/TOPIC`, also where the server stands below a path;
 * undefined where it names none.
 */
export const topicOf = (url: string): { readonly server: string; readonly topic: string } | undefined => {
  if (!isAddress(url)) return undefined
  const address = new URL(url)
  const parts = address.pathname.split("/").filter((part) => part !== "")
  const name = parts.pop()
  address.pathname = `/${parts.join("/")}`
  // Source: `topicRegex` in ntfy's server/server.go.
  return name !== undefined && /^[\w-]{1,64}$/.test(name) ? { server: address.href, topic: name } : undefined
}

/** An http or https address. */
export const isAddress = (url: string) => URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)

/** Publishes as JSON, so that any text may be in it: to the server's root, with the topic named. */
export const ntfy = ({ server, topic }: NonNullable<ReturnType<typeof topicOf>>, env: Env): Channel => {
  const token = variable(env, "AGENT_SYNC_NTFY_TOKEN")
  return {
    name: "ntfy",
    send: (notice) => {
      const body = bodyText(notice)
      return posted(server, token, {
        topic,
        title: headline(notice),
        message: body === "" ? notice.what : body,
        priority: notice.what === "ended" || notice.what === "idle" ? 3 : 4,
        tags: [notice.what]
      })
    }
  }
}

const posted = async (url: string, token: string | undefined, body: object): Promise<Delivery> => {
  let why = ""
  for (const wait of [...AGAIN_MS, undefined]) {
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` })
        },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(ATTEMPT_MS),
        redirect: "error"
      })
      await response.body?.cancel()
      if (response.ok) return { ok: true }
      why = `it answered ${response.status}`
      // What is wrong with the request is wrong the next time too.
      if (response.status < 500 && response.status !== 429) break
    } catch (error) {
      why = error instanceof Error ? error.message : String(error)
    }
    if (wait !== undefined) await Bun.sleep(wait)
  }
  return { ok: false, why }
}

/** `notify-send`, or macOS's own; texts are arguments, never a script. */
export const desktop = (platform: NodeJS.Platform): Channel => ({
  name: "desktop",
  send: async (notice) => {
    const [title, body] = [headline(notice), bodyText(notice)]
    const urgency = notice.what === "waiting" || notice.what === "error" ? "critical" : "normal"
    const command =
      platform === "darwin"
        ? ["osascript", "-e", MAC_SCRIPT, title, body]
        : ["notify-send", "--app-name=agent-sync", `--urgency=${urgency}`, "--", title, body]
    try {
      const child = Bun.spawn(command, { stdin: "ignore", stdout: "ignore", stderr: "pipe", timeout: ATTEMPT_MS })
      const [said, code] = await Promise.all([new Response(child.stderr).text(), child.exited])
      return code === 0 ? { ok: true } : { ok: false, why: said.trim() || `${command[0]} ended with ${code}` }
    } catch {
      return { ok: false, why: `there is no ${command[0]} here` }
    }
  }
})
const MAC_SCRIPT = "on run {title, body}\ndisplay notification body with title title\nend run"
