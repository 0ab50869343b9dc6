/**
 * Tokens: made with the auth secret that only the machine has that set the hub up, remembered without the token, ended at
 * the hub by their id. What a token may do is checked by the hub; what can be read is a matter of keys.
 */
import { mintToken, verifyToken } from "agent-sync"
import type { LogId } from "agent-sync/events"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { decodeJwt } from "jose/jwt/decode"
import { again } from "../../again.ts"
import { type Flags, keyOrMake, ROLES, type Role, type Settings, settings } from "../../Config.ts"
import { millisecondsOf } from "../../Duration.ts"
import { EXIT, Failure } from "../../Failure.ts"
import { askHub, hubOf } from "../../hubApi.ts"
import { authSecret } from "../../Keys.ts"
import { say } from "../../steps.ts"
import { readIndex } from "../../TenantIndex.ts"
import { flat, isoOf } from "../../Terminal.ts"
import { type MadeToken, remember, rememberRevoked, tokensOf } from "../../Tokens.ts"
import { relative, table } from "../../table.ts"

interface Common extends Flags {
  readonly json: boolean
}

const here = (flags: Flags) => settings(flags, { env: process.env, cwd: process.cwd() })

export const create = (
  input: Common & {
    readonly role: string
    readonly ttl: string
    readonly session: string | undefined
    readonly label: string | undefined
  }
) =>
  Effect.gen(function* () {
    const roles = yield* rolesOf(input.role)
    const ttl = input.ttl === "never" ? undefined : millisecondsOf(input.ttl)
    if (input.ttl !== "never" && (ttl === undefined || ttl <= 0)) {
      return yield* new Failure({
        exit: EXIT.usage,
        code: "BadDuration",
        what: `${JSON.stringify(input.ttl)} is no time that a token can last.`,
        now: "No token was made.",
        tries: [{ command: "agent-sync token create --role write --ttl 90d" }]
      })
    }
    const found = yield* here(input)
    const secret = yield* secretOf(found)
    const session = input.session === undefined ? undefined : yield* logsOf(found, input.session)
    const now = Math.floor(Date.now() / 1000)
    const exp = ttl === undefined ? undefined : now + Math.floor(ttl / 1000)
    const id = Buffer.from(crypto.getRandomValues(new Uint8Array(9)))
      .toString("base64url")
      .replace(/^-/, "_")
    const token = yield* Effect.promise(() =>
      mintToken(secret, {
        tenant: found.tenant,
        roles,
        id,
        ...(exp === undefined ? {} : { exp }),
        ...(session === undefined ? {} : { logs: session.logs })
      })
    )
    const made = {
      id,
      roles,
      made: now,
      ...(exp === undefined ? {} : { exp }),
      ...(input.label === undefined ? {} : { label: input.label }),
      ...(session === undefined ? {} : { session: session.id })
    }
    yield* keep(() => remember(found.files, made))
    if (input.json) print({ token, tenant: found.tenant, ...made })
    else {
      process.stdout.write(`${token}\n`)
      const until = exp === undefined ? "never ends" : `ends ${relative(exp * 1000, Date.now())}`
      say(
        `Token ${id}: ${roles.join(", ")} for ${session === undefined ? `tenant ${found.tenant}` : `session ${session.id}`}, ${until}. It is not shown again.`,
        `Set it as AGENT_SYNC_TOKEN where it is used. End it: ${again(`agent-sync token revoke ${id}`)}`
      )
    }
    return EXIT.ok
  })

export const list = (input: Common) =>
  Effect.gen(function* () {
    const found = yield* here(input)
    const tokens = yield* keep(() => tokensOf(found.files))
    if (input.json) for (const token of tokens) print({ tenant: found.tenant, ...token, state: stateOf(token) })
    else if (tokens.length === 0) say(`No tokens of tenant ${found.tenant} were made on this machine.`)
    else {
      process.stdout.write(
        table(
          ["Id", "Role", "For", "Label", "State"],
          tokens.map((token) => [
            token.id,
            token.roles.join(","),
            token.session === undefined ? "all" : `…${token.session.slice(-8)}`,
            token.label ?? "-",
            stateOf(token)
          ])
        )
      )
    }
    return EXIT.ok
  })

export const inspect = (input: Common) =>
  Effect.gen(function* () {
    const piped = process.stdin.isTTY === true ? "" : yield* Effect.promise(() => Bun.stdin.text())
    const text = piped.trim() === "" ? (process.env.AGENT_SYNC_TOKEN ?? "").trim() : piped.trim()
    if (text === "") {
      return yield* new Failure({
        exit: EXIT.usage,
        code: "NoToken",
        what: "There is no token to inspect: none on stdin, none in AGENT_SYNC_TOKEN.",
        tries: [{ command: "agent-sync token inspect < FILE" }]
      })
    }
    const claims = Either.try(() => decodeJwt(text))
    if (Either.isLeft(claims)) {
      return yield* new Failure({
        exit: EXIT.failure,
        code: "NotAToken",
        what: text.startsWith("as")
          ? "This is a key, not a token."
          : "This is no token of agent-sync, or only a part of one."
      })
    }
    const found = yield* here(input)
    const secret = authSecret(found.files)
    const checked = secret === undefined ? undefined : yield* Effect.promise(() => verifyToken([secret], text))
    const { exp, jti, logs, roles, tenant } = claims.right
    const signature =
      checked === undefined
        ? "not checked: the auth secret is not on this machine"
        : Either.isRight(checked)
          ? "good"
          : checked.left.what
    const rows = {
      id: claimed(jti),
      tenant: claimed(tenant),
      roles: Array.isArray(roles) ? roles.map(claimed).join(", ") : "-",
      logs: Array.isArray(logs) ? String(logs.length) : "all",
      expires: endOf(exp),
      signature
    }
    if (input.json) print({ ...rows, good: checked === undefined ? undefined : Either.isRight(checked) })
    else process.stdout.write(table(["Claim", "Value"], Object.entries(rows)))
    return checked !== undefined && Either.isLeft(checked) ? EXIT.failure : EXIT.ok
  })

export const revoke = (input: Common & { readonly id: string }) =>
  Effect.gen(function* () {
    const found = yield* here(input)
    const known = (yield* keep(() => tokensOf(found.files))).filter(
      ({ id, label }) => id === input.id || label === input.id
    )
    if (known.length > 1) {
      return yield* new Failure({
        exit: EXIT.usage,
        code: "AmbiguousToken",
        what: `${known.length} tokens have the label ${input.id}; name one by its id.`,
        now: "None was ended.",
        tries: known.map(({ id }) => ({ command: `agent-sync token revoke ${id}` }))
      })
    }
    const [token] = known
    const id = token?.id ?? input.id
    yield* askHub(found, {
      role: "admin",
      method: "POST",
      path: "revocations",
      body: { id, ...(token?.exp === undefined ? {} : { until: token.exp }) }
    })
    const { host } = yield* hubOf(found)
    if (token !== undefined) yield* keep(() => rememberRevoked(found.files, id))
    if (input.json) print({ revoked: id, hub: host })
    else {
      say(
        `Token ${id} is ended at ${host}; who was connected with it is out.`,
        ...(token === undefined ? ["It was not made on this machine; the hub refuses that id from now on."] : [])
      )
    }
    return EXIT.ok
  })

const rolesOf = (text: string): Effect.Effect<readonly [Role, ...ReadonlyArray<Role>], Failure> => {
  const roles = text.split(",").flatMap((role) => ROLES.filter((one) => one === role))
  const [first, ...rest] = roles
  return first !== undefined && roles.length === text.split(",").length
    ? Effect.succeed([first, ...rest])
    : new Failure({
        exit: EXIT.usage,
        code: "BadRole",
        what: `${JSON.stringify(text)} is no role: read, write or admin.`,
        now: "No token was made.",
        tries: [{ command: "agent-sync token create --role write" }]
      })
}

const secretOf = ({ files, tenant }: Settings) => {
  const secret = authSecret(files)
  return secret === undefined
    ? new Failure({
        exit: EXIT.refused,
        code: "NoSecret",
        what: `This machine cannot make tokens for tenant ${tenant}: it does not have the auth secret.`,
        now: "Tokens are made where the hub was set up.",
        tries: [{ command: "agent-sync token create …", why: "on the machine where agent-sync init was run" }]
      })
    : Effect.succeed(secret)
}

/** All logs of a session: two machines may have recorded it. */
const logsOf = (found: Settings, wanted: string) =>
  Effect.gen(function* () {
    yield* hubOf(found)
    const { key } = yield* keyOrMake(found)
    if (key.kind !== "reader" || found.url === undefined) {
      return yield* new Failure({
        exit: EXIT.unopened,
        code: "CannotRead",
        what: "A token for one session needs the reader key, to find the session's logs.",
        now: "No token was made."
      })
    }
    const { sessions } = yield* readIndex(found, found.url, key)
    const matches = sessions.filter(({ alias, origin }) => [alias, origin.session].some((id) => id?.endsWith(wanted)))
    const ids = new Set(matches.map(({ alias, origin }) => alias ?? origin.session))
    const [id] = ids
    if (id === undefined || ids.size > 1) {
      return yield* new Failure({
        exit: EXIT.failure,
        code: id === undefined ? "NoSuchSession" : "AmbiguousSession",
        what:
          id === undefined
            ? `No session ends with ${wanted}.`
            : `${ids.size} sessions end with ${wanted}; give more of the id.`,
        now: "No token was made."
      })
    }
    return { id, logs: matches.map(({ log }): LogId => log) }
  })

/** What anybody may have written into a token. */
const claimed = (value: unknown): string =>
  value === undefined ? "-" : flat(typeof value === "string" ? value : JSON.stringify(value), CLAIM_CHARS)
const CLAIM_CHARS = 200

const endOf = (exp: unknown): string => {
  if (exp === undefined) return "never"
  const at = typeof exp === "number" ? isoOf(exp * 1000) : null
  return at === null ? `at no date: ${claimed(exp)}` : `${at} (${relative(Date.parse(at), Date.now())})`
}

const stateOf = ({ exp, revoked }: MadeToken): string => {
  if (revoked === true) return "revoked"
  if (exp === undefined) return "good for ever"
  return `${exp * 1000 <= Date.now() ? "expired" : "expires"} ${relative(exp * 1000, Date.now())}`
}

const keep = <A>(act: () => A): Effect.Effect<A, Failure> =>
  Effect.try({
    try: act,
    catch: (error) =>
      new Failure({
        exit: EXIT.failure,
        code: "KeysUnusable",
        what: `The list of tokens cannot be used: ${error instanceof Error ? error.message : String(error)}.`
      })
  })

const print = (row: object) => process.stdout.write(`${JSON.stringify({ schema: 1, ...row })}\n`)
