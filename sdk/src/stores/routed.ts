/**
 * One journal to whoever writes, two underneath: what goes to the hubs, and what stays on this machine. They have writers
 * and logs of their own, so a log at a hub stays whole, without holes that would look like loss.
 */
import * as Either from "effect/Either"
import type { LogId } from "../domain/Ids.ts"
import type { Plain } from "../domain/Payload.ts"
import type { Journal } from "../journal/Journal.ts"

export const routed = (synced: Journal, local: Journal, stays: (event: string) => boolean): Journal => {
  /** Names under which synced logs were opened here, so that their local twins are found. */
  const names = new Map<LogId, string>()
  const twins = new Map<LogId, LogId>()
  const staying = (plain: Plain) => stays(plain.event)

  const twinOf = (log: LogId) => {
    const known = twins.get(log)
    if (known !== undefined) return Either.right(known)
    return Either.map(local.openLog(names.get(log) ?? `log:${log}`), ({ id }) => {
      twins.set(log, id)
      return id
    })
  }
  return {
    ...synced,
    openLog: (session) =>
      Either.map(synced.openLog(session), (log) => {
        names.set(log.id, session)
        return log
      }),
    append: (log, plains, options) => {
      const kept = plains.filter(staying)
      // The header opens both, so that each can be read alone.
      const header = log === synced.index ? [] : plains.filter(({ event }) => event === "log.header")
      const here = [...header, ...kept]
      const written =
        here.length === 0 || log === synced.index
          ? Either.right(undefined)
          : Either.flatMap(twinOf(log), (twin) => local.append(twin, here))
      return Either.flatMap(written, () =>
        synced.append(
          log,
          plains.filter((plain) => !staying(plain)),
          options
        )
      )
    },
    settle: (run, log) =>
      Either.flatMap(twinOf(log), (twin) => Either.flatMap(local.settle(run, twin), () => synced.settle(run, log))),
    unpend: (run) => Either.flatMap(local.unpend(run), () => synced.unpend(run)),
    pend: (run, plains) =>
      Either.flatMap(local.pend(run, plains.filter(staying)), () =>
        synced.pend(
          run,
          plains.filter((plain) => !staying(plain))
        )
      )
  }
}
