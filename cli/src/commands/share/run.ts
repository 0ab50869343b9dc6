/**
 * Makes a share link: finds the session's logs in the index, reads from each log's header who writes there, and mints
 * one token that reads these logs and no others.
 */
import { type KnownSession, mintToken, printShareLink, type SharedLog } from "agent-sync"
import { connectReader, type ReadingRemote } from "agent-sync/bun"
import type { LogId } from "agent-sync/events"
import * as Effect from "effect/Effect"
import { again } from "../../again.ts"
import type { Flags } from "../../Config.ts"
import { isLoopback } from "../../Config.ts"
import { millisecondsOf } from "../../Duration.ts"
import { EXIT, Failure } from "../../Failure.ts"
import { authSecret } from "../../Keys.ts"
import { paintFor } from "../../paint.ts"
import { away, endingWith, notOne, type Reading, reading, refused, UNREACHABLE_MS, wrongKey } from "../../Reading.ts"
import { clean } from "../../Terminal.ts"
import { remember } from "../../Tokens.ts"
import { fit } from "../../wrap.ts"
import { kept, labelOf } from "./links.ts"

export interface ShareInput extends Flags {
  readonly session: string | undefined
  readonly ttl: string
  readonly page: string | undefined
  readonly json: boolean
}

const ID_BYTES = 9

export const run = (input: ShareInput) =>
  Effect.gen(function* () {
    const ttl = millisecondsOf(input.ttl)
    if (input.session === undefined || ttl === undefined || ttl < 1_000) {
      return yield* new Failure({
        exit: EXIT.usage,
        code: input.session === undefined ? "MissingSession" : "BadTtl",
        what:
          input.session === undefined
            ? "share needs a session: its id, or how the id ends."
            : `${JSON.stringify(input.ttl)} is no time to live.`,
        now: "No link was made.",
        tries: [
          { command: `agent-sync share ${input.session ?? "SESSION"} --ttl 7d` },
          { command: "agent-sync sessions", why: "which there are" }
        ]
      })
    }
    const page = input.page === undefined ? undefined : yield* pageUrl(input.page)
    const asked = yield* reading(input, "share")
    const { files, tenant } = asked.found
    const secret = authSecret(files)
    if (secret === undefined) return yield* noSecret(tenant)
    const { known, logs } = yield* find(asked, input.session)

    const id = Buffer.from(crypto.getRandomValues(new Uint8Array(ID_BYTES))).toString("hex")
    const made = Math.floor(Date.now() / 1000)
    const until = made + Math.floor(ttl / 1000)
    const token = yield* Effect.promise(() =>
      mintToken(secret, { tenant, roles: ["read"], logs: logs.map(({ log }) => log), exp: until, id })
    )
    const session = known.alias ?? known.origin.session
    const own = new URL(asked.url.replace(/^ws/, "http")).origin
    const text = printShareLink({
      tenant,
      session,
      logs,
      token,
      hub: asked.url
    })
    const link = `${page ?? own}/#share=${text}`
    const { title } = known
    const label = labelOf(title)
    yield* kept(files, () => remember(files, { id, roles: ["read"], label, session, made, exp: until }))
    if (input.json) {
      process.stdout.write(
        `${JSON.stringify({ schema: 1, tenant, session, id, until, logs: logs.length, url: link })}\n`
      )
    } else say({ id, until, title, link, loopback: isLoopback(link) })
    return EXIT.ok
  })

const say = (what: {
  readonly id: string
  readonly until: number
  readonly title: string | undefined
  readonly link: string
  readonly loopback: boolean
}) => {
  const paint = paintFor(process.stderr)
  const until = new Date(what.until * 1000).toISOString().slice(0, 16).replace("T", " ")
  const session = what.title === undefined ? "this session" : `“${clean(what.title)}”`
  const lines = [
    `  ${paint.green("✓")} whoever has this link can read ${session}, and nothing else, until ${until} UTC`,
    ...(what.loopback
      ? [
          `  ${paint.yellow("!")} it leads to this machine, so nobody else can open it; with a hub on your Cloudflare it works everywhere`
        ]
      : []),
    `    ${paint.dim(`end it with  ${again(`agent-sync share revoke ${what.id}`)}`)}`
  ]
  process.stderr.write(fit(`${lines.join("\n")}\n\n`, process.stderr))
  process.stdout.write(`${what.link}\n`)
}

/** Where people have no secret to sign tokens with, they ask who has. */
export const noSecret = (tenant: string) =>
  new Failure({
    exit: EXIT.refused,
    code: "NoSecret",
    what: `This machine cannot make tokens for tenant ${tenant}: the secret that signs them is not here.`,
    now: "Nothing was changed.",
    tries: [{ command: `agent-sync share … --tenant ${tenant}`, why: "where the hub was set up (agent-sync init)" }]
  })

const pageUrl = (text: string) => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.hash === "")
    return Effect.succeed(text.replace(/\/$/, ""))
  return Effect.fail(
    new Failure({
      exit: EXIT.usage,
      code: "BadUrl",
      what: `${JSON.stringify(text)} is no page.`,
      now: "No link was made.",
      tries: [{ command: "agent-sync share SESSION --page https://…" }]
    })
  )
}

interface Found {
  readonly known: KnownSession
  readonly logs: ReadonlyArray<SharedLog>
}

/** Two recorders that cannot read each other give one session two logs; a link opens both. */
const logsOf = (session: KnownSession, all: ReadonlyArray<KnownSession>) => {
  const idOf = ({ alias, origin }: KnownSession) => `${origin.agent} ${alias ?? origin.session}`
  return all.filter((other) => idOf(other) === idOf(session))
}

const find = ({ found, key, url }: Reading, wanted: string) =>
  Effect.async<Found, Failure>((resume) => {
    const shared = new Map<LogId, SharedLog>()
    let chosen: ReadonlyArray<KnownSession> = []
    const finish = (how: Effect.Effect<Found, Failure>) => {
      clearTimeout(impatience)
      remote.stop()
      resume(how)
    }
    const fail = (failure: ConstructorParameters<typeof Failure>[0]) => finish(Effect.fail(new Failure(failure)))
    const impatience = setTimeout(() => {
      fail(away(url, remote.status()))
    }, UNREACHABLE_MS)

    const choose = () => {
      const all = [...remote.reader.sessions()]
      const matches = endingWith(wanted, all)
      const [first] = matches
      const group = first === undefined ? [] : logsOf(first, all)
      if (first === undefined || matches.some((match) => !group.includes(match))) {
        return fail(notOne("share", wanted, matches, all))
      }
      chosen = group
      for (const { log } of group) remote.reader.watch(log, "all")
    }

    const finishIfAll = () => {
      const [known] = chosen
      if (known === undefined || shared.size < chosen.length) return
      finish(Effect.succeed({ known, logs: [...shared.values()] }))
    }

    const remote: ReadingRemote = connectReader({
      key,
      url,
      token: () => found.token("read"),
      onStatus: (status) => {
        if (status._tag === "Refused") fail(refused(status))
      },
      events: {
        onSession: () => {},
        onIndexRead: () => {
          if (chosen.length === 0) choose()
        },
        onEntries: (log, entries) => {
          const session = chosen.find((each) => each.log === log)
          if (session === undefined || shared.has(log)) return
          for (const { content, writer } of entries) {
            // Only the word of who began the log counts.
            if (content._tag !== "Header" || writer !== session.writer) continue
            const writers = content.header.writers.map((each) => ({ id: each.writer, signer: each.signer }))
            shared.set(log, { log, key: session.key, writers })
            remote.reader.unwatch(log)
            break
          }
          finishIfAll()
        },
        onCaughtUp: (log) => {
          if (!shared.has(log)) fail(headless)
        },
        onNotice: (log, notice) => {
          if (notice._tag !== "Refused") return
          // A session that went on in another log, because the hub retired the one before, is shared from there.
          chosen = chosen.filter((each) => each.log !== log)
          if (log === undefined || chosen.length === 0) fail(refused({ error: notice.refusal.reason, fix: undefined }))
          else finishIfAll()
        },
        onWrongKey: () => fail(wrongKey(found.tenant))
      }
    })
  })

const headless = {
  exit: EXIT.failure,
  code: "NoHeader",
  what: "The session's log has no beginning at the hub, so a link could not tell what it is.",
  now: "No link was made."
}
