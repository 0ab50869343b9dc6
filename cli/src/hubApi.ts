/** The hub's HTTP surface as commands use it: one request, and each way it can fail as a sentence. */
import { refusedBy } from "agent-sync"
import * as Effect from "effect/Effect"
import type { Role, Settings } from "./Config.ts"
import { EXIT, Failure } from "./Failure.ts"
import { ASK_DOCTOR, noHub, unreachable } from "./Reading.ts"
import { flat } from "./Terminal.ts"

/** Milliseconds for an answer. */
const PATIENCE_MS = 10_000

/** The hub's address; fails where none is configured. */
export const hubOf = (settings: Settings): Effect.Effect<URL, Failure> =>
  settings.url === undefined ? noHub(settings) : Effect.succeed(new URL(settings.url.replace(/^ws/, "http")))

/** Asks below the tenant's address: `logs`, `revocations`, or with no path the tenant itself. */
export const askHub = (
  settings: Settings,
  request: {
    readonly role: Role
    readonly method?: "GET" | "POST" | "DELETE"
    readonly path?: string
    readonly body?: unknown
  }
): Effect.Effect<unknown, Failure> =>
  Effect.gen(function* () {
    const hub = yield* hubOf(settings)
    const { body, method = "GET", path, role } = request
    const token = yield* Effect.promise(() => settings.token(role))
    const url = path === undefined ? hub : new URL(`${hub.pathname.replace(/\/$/, "")}/${path}`, hub)
    const response = yield* reach(url, {
      method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" })
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
    const answer = yield* Effect.promise((): Promise<unknown> => response.json().catch(() => undefined))
    if (response.ok) return answer
    const [error, fix] = [told(answer, "error"), told(answer, "fix")]
    return yield* new Failure({
      exit: response.status === 401 || response.status === 403 ? EXIT.refused : EXIT.failure,
      code: "Refused",
      what:
        error === undefined ? `The hub refused: it answered ${response.status}.` : refusedBy("The hub", { error, fix }),
      now: "Sessions and keys are untouched.",
      tries: [ASK_DOCTOR]
    })
  })

/** What `/health` tells; `undefined` version where another program answers. */
export const healthOf = (
  hub: URL
): Effect.Effect<
  {
    readonly version: string | undefined
    readonly storage: string | undefined
    readonly ms: number
    readonly date: string | null
  },
  Failure
> =>
  Effect.gen(function* () {
    const began = performance.now()
    const response = yield* reach(new URL("/health", hub))
    const answer = yield* Effect.promise((): Promise<unknown> => response.json().catch(() => undefined))
    const name = told(answer, "name")
    return {
      version: response.ok && name === "agent-sync" ? (told(answer, "version") ?? "") : undefined,
      storage: told(answer, "storage"),
      ms: performance.now() - began,
      date: response.headers.get("date")
    }
  })

const reach = (url: URL, init: RequestInit = {}): Effect.Effect<Response, Failure> =>
  Effect.tryPromise({
    try: () => fetch(url, { ...init, redirect: "manual", signal: AbortSignal.timeout(PATIENCE_MS) }),
    catch: (cause) => new Failure(unreachable(url.href, reason(cause)))
  })

const reason = (cause: unknown) => {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : ""
  if (/ConnectionRefused|ECONNREFUSED/.test(code) || /Unable to connect/.test(String(cause)))
    return "Nobody listens there."
  if (/ENOTFOUND|EAI_AGAIN/.test(code)) return "There is no such host, or no network."
  if (cause instanceof Error && cause.name === "TimeoutError") return `It did not answer in ${PATIENCE_MS / 1000}s.`
  return cause instanceof Error ? cause.message.replace(/\.?$/, ".") : "The network failed."
}

/** Characters of a hub's text that are kept. */
const MOST = 400

/** A text field of an answer that may be anything, on one line. */
export const told = (answer: unknown, name: string): string | undefined => {
  if (typeof answer !== "object" || answer === null) return undefined
  const value: unknown = Reflect.get(answer, name)
  return typeof value === "string" ? flat(value, MOST) : undefined
}
