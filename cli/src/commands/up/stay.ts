/**
 * The resident process of a machine: records what hooks leave and what agents write, each session where its own folder says
 * (`Destinations.ts`), and keeps it flowing to the hubs. A second one waits until the first has ended.
 */
import * as Either from "effect/Either"
import { type Env, foldersOf } from "#folders"
import { makeDestinations } from "../../Destinations.ts"
import { EXIT } from "../../Failure.ts"
import { homesOf } from "../../sessions/find.ts"
import { follow, QUIET_MS, type Target } from "../../sessions/follow.ts"
import type { Head } from "../../sessions/read.ts"
import { drainSpool } from "../../spool/drain.ts"
import * as Spool from "../../spool/Spool.ts"
import { clean } from "../../Terminal.ts"

/** Milliseconds between two signs of life, and between two looks whether the post is free. */
const LIFE_MS = 5_000
/** Milliseconds between two looks for sessions whose run was killed. */
const ADOPT_MS = 30_000
/** Milliseconds that the hubs have at the end; the rest waits in the journals. */
const DRAIN_MS = 3_000

/** Stays until a signal ends it. */
export const stay = async (env: Env): Promise<number> => {
  const folders = foldersOf(env)
  const said = new Set<string>()
  const say = (what: string) => {
    if (!said.has(what)) process.stderr.write(`agent-sync: ${clean(what)}\n`)
    said.add(what)
  }
  let isOver = false
  const ended = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
      process.once(signal, () => {
        isOver = true
        resolve()
      })
  })

  let since = Spool.residentAt(folders)
  while (!Spool.become(folders, "resident")) {
    const pid = Spool.resident(folders)
    if (pid !== undefined) say(`Process ${pid} does this already; this one takes over when it ends.`)
    await Promise.race([Bun.sleep(LIFE_MS), ended])
    if (isOver) return EXIT.ok
    since = Spool.residentAt(folders)
  }
  const destinations = makeDestinations({ env, cwd: process.cwd(), say })
  const life = setInterval(() => Spool.stay(folders, "resident") || Spool.become(folders, "resident"), LIFE_MS)
  const adopting = setInterval(() => void destinations.adopt(), ADOPT_MS)
  void destinations.own()
  const drain = drainSpool({ env, destinations, say })

  const targetOf = async ({ agent, cwd, session }: Head): Promise<Target | undefined> => {
    // Not said yet, or never: a guess may be another tenant's.
    if (cwd === undefined) {
      if (agent === "gemini")
        say("A Gemini CLI session does not tell its folder, so agent-sync watch has to record it.")
      return undefined
    }
    // Its hooks may have told more of where it belongs.
    await drain.caughtUp()
    const to = await destinations.of({ session, folder: cwd })
    if (Either.isRight(to)) {
      const { found, journal } = to.right
      return { journal, context: found.context, redaction: found.redaction }
    }
    if (to.left !== undefined) say(`Sessions in ${cwd} are not recorded. ${to.left}`)
    return undefined
  }
  const following = follow({
    homes: homesOf(env),
    to: targetOf,
    past: false,
    // Files that the one before had in hand, and what was written while there was none.
    ...(since === undefined ? {} : { since: since - QUIET_MS }),
    isWanted: () => true,
    onSession: ({ agent, cwd, session }) => {
      if (process.stderr.isTTY) say(`recording ${agent} ${session.slice(-4)}${cwd === undefined ? "" : ` in ${cwd}`}`)
    },
    onTrouble: say
  })

  if (process.stderr.isTTY) {
    say("Recording what agents and their hooks on this machine tell. Ctrl-C ends it.")
  }
  await ended
  clearInterval(life)
  clearInterval(adopting)
  await following.lookAround()
  following.stop()
  await drain.stop()
  await destinations.drain(DRAIN_MS)
  await destinations.close()
  return EXIT.ok
}
