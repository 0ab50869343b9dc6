/**
 * One session as the holder of a share link sees it: no index and no reader key, only the logs that the link names and
 * opens. What the index would tell is told by each log's own header, and by what is read of it.
 */
import { bytesToHex } from "@noble/hashes/utils.js"
import * as Either from "effect/Either"
import type { Aead } from "../crypto/Aead.ts"
import * as Sealer from "../crypto/Sealer.ts"
import type { SharedLog, ShareLink } from "../crypto/ShareLink.ts"
import type { LogId } from "../domain/Ids.ts"
import * as Payload from "../domain/Payload.ts"
import { makeSession, type SessionFold } from "../domain/Session.ts"
import type { Refusal } from "../protocol/Message.ts"
import { type FollowedPage, makeFollower } from "./Follower.ts"
import { makeLogReader, type Notice, type OpenedEntry, openEntry } from "./LogReader.ts"
import { openAhead } from "./openAhead.ts"
import { begunSession } from "./TenantIndex.ts"
import type { KnownSession, SessionReader, TenantReaderEvents } from "./TenantReader.ts"
import { sealedLog } from "./wholeLog.ts"

export const makeSharedReader = (options: {
  readonly link: Pick<ShareLink, "logs">
  readonly aead: Aead
  /** `onWrongKey` is never called: a link opens what it names, or its entries are told as not opened. */
  readonly events: TenantReaderEvents
  /** Opens the logs before they are read. */
  readonly subtle?: SubtleCrypto | undefined
}): SessionReader => {
  const { events, link, subtle } = options
  const keys = Sealer.makeKeyring()
  const { aead, waiting: opening } = openAhead(subtle, keys, options.aead)
  const sessions = new Map<LogId, KnownSession>()
  const folds = new Map<LogId, SessionFold>()
  /** Logs whose header has not come yet. */
  const waiting = new Map<LogId, SharedLog>()
  let asked = false

  const notice = (log: string, what: Notice) => events.onNotice(log as LogId, what)

  const follower = makeFollower({
    onEntries: (log, entries) => logs.open(log as LogId, entries),
    onCaughtUp: (log) => events.onCaughtUp(log as LogId),
    onGap: (log, from, to) => notice(log, { _tag: "Gap", from, to }),
    onRefused: (log, refusal) => notice(log, { _tag: "Refused", refusal }),
    onStuck: (_, cause) => {
      throw cause
    },
    onReplaced: () => events.onNotice(undefined, { _tag: "Replaced" })
  })

  const logs = makeLogReader({
    aead,
    keys,
    follower,
    onEntries: (log, entries) => {
      const changed = learn(log, entries)
      events.onEntries(log, entries)
      if (changed !== undefined) events.onSession(changed, "changed")
    },
    onNotice: notice
  })

  /** What the entries change of the session, where they do: what a tenant's readers learn from the index. */
  const learn = (log: LogId, entries: ReadonlyArray<OpenedEntry>): KnownSession | undefined => {
    const known = sessions.get(log)
    const fold = folds.get(log)
    if (known === undefined || fold === undefined) return undefined
    for (const { content, writer } of entries) if (content._tag === "Event") fold.add(content.event, writer)
    const { figures, lastAt = known.told, state, title = known.title } = fold.view
    if (state === known.state && title === known.title) return undefined
    const session = { ...known, state, title, told: lastAt, figures }
    sessions.set(log, session)
    return session
  }

  const headed = ({ key, log }: SharedLog, { entries }: FollowedPage) => {
    const [entry] = entries
    if (entry === undefined) return
    const envelope = openEntry(aead, keys, log, entry)
    if (Either.isLeft(envelope)) {
      notice(log, { _tag: "Unopened", from: entry.sequence, to: entry.sequence, why: envelope.left })
      return
    }
    const content = Payload.decode(envelope.right.plain)
    if (content._tag !== "Header") return
    const { _tag, time, writers: _, ...origin } = content.header
    const writer = bytesToHex(envelope.right.writer)
    const session = begunSession({ log, key, writer, origin, index: undefined }, time)
    sessions.set(log, session)
    folds.set(log, makeSession())
    events.onSession(session, "started")
  }

  /** Reads the header of each log; once, since reads that wait for a connection are asked again on the next. */
  const ask = () => {
    if (asked) return
    asked = true
    const done = (log: LogId) => {
      waiting.delete(log)
      if (waiting.size === 0) events.onIndexRead()
    }
    for (const shared of link.logs) {
      follower.read(shared.log, 1, 1).then(
        (page) => {
          headed(shared, page)
          done(shared.log)
        },
        (refusal: Refusal) => {
          notice(shared.log, { _tag: "Refused", refusal })
          done(shared.log)
        }
      )
    }
  }

  for (const shared of link.logs) {
    keys.add(shared.key)
    waiting.set(shared.log, shared)
  }
  return {
    part: opening({
      ...follower,
      up: (session) => {
        // A stock hub knows neither bounded reads nor tokens for single logs.
        if (session.hello.agentSync === undefined) return session.abandon("this hub does not know share links")
        follower.up(session)
        ask()
      }
    }),
    sessions: () => sessions.values(),
    session: (log) => sessions.get(log),
    watch: (log, entries) => {
      const session = sessions.get(log)
      if (session !== undefined) logs.watch(log, session.key, entries)
    },
    unwatch: logs.unwatch,
    earlier: logs.earlier,
    sealed: async (log) => {
      const shared = link.logs.find((one) => one.log === log)
      if (shared === undefined) throw new RangeError(`the link names no log ${log}`)
      const known = shared.writers.map((writer) => [bytesToHex(writer.id), { ...writer, host: undefined }] as const)
      return sealedLog(follower, shared, new Map(known))
    },
    behind: follower.behind,
    settled: () => Promise.resolve()
  }
}
