/**
 * A tenant's logs in a D1 database, for who wants them where SQL tools reach. D1 has no transaction that waits for our
 * answer: a write reads what it builds on, and then is one batch whose every statement holds only while the log still ends
 * as it was read; where it does not, nothing was stored and the write begins again. So two Workers never give a number
 * twice, though neither tells its watchers of what the other wrote.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { HubStorage, type LogInfo, StorageFailed } from "../hub/HubStorage.ts"
import { makeRemoteId } from "../hub/RemoteId.ts"
import { append } from "./d1/append.ts"
import { batch, bytesOf, type Database, numberOf, type Query, type Row, textOf } from "./d1/Database.ts"
import { again, type Place } from "./d1/Log.ts"
import { page } from "./d1/page.ts"
import { prepareTables } from "./d1/schema.ts"
import { trim } from "./d1/trim.ts"

/** `db` is undefined where the Worker has no such binding. */
export const open = (db: Database | undefined, tenant: string): Effect.Effect<HubStorage, StorageFailed> =>
  db === undefined
    ? Effect.fail(
        new StorageFailed({
          reason: "other",
          what: "This Worker has no D1 database: bind one as DB in wrangler.jsonc, or set SYNC_STORAGE to do."
        })
      )
    : Effect.gen(function* () {
        yield* prepareTables(db)
        const [, rows] = yield* batch(db, [
          ["INSERT INTO agent_sync_tenants VALUES (?1, ?2) ON CONFLICT DO NOTHING", tenant, makeRemoteId()],
          ["SELECT remote_id FROM agent_sync_tenants WHERE tenant = ?1", tenant]
        ])
        return storageOf(db, tenant, bytesOf(rows?.[0]?.remote_id))
      })

/** As `open`. One database serves all tenants. */
export const layer = (db: Database | undefined, tenant: string): Layer.Layer<HubStorage, StorageFailed> =>
  Layer.effect(
    HubStorage,
    Effect.suspend(() => open(db, tenant))
  )

/** Of the tenant ?1, named in the JSON text ?2, kept ones only where ?3 is 1. */
const RETIRABLE = "agent_sync_logs WHERE tenant = ?1 AND name IN (SELECT value FROM json_each(?2)) AND keep <= ?3"

const storageOf = (db: Database, tenant: string, firstRemoteId: Uint8Array): HubStorage => {
  const place: Place = { db, tenant }
  let remoteId = firstRemoteId

  return {
    get remoteId() {
      return remoteId
    },
    kind: "d1",
    append: (...write) => again(append(place, ...write)),
    page: (...asked) => page(place, ...asked),
    logs: () =>
      Effect.map(
        batch(db, [
          [
            `SELECT name, head, keep, bytes, last_write, coalesce((SELECT count FROM agent_sync_segments
               WHERE log = id AND first = 1 AND length(agent_sync_segments.bytes) = 0), 0) AS trimmed
             FROM agent_sync_logs WHERE tenant = ?1 ORDER BY id`,
            tenant
          ]
        ]),
        ([rows = []]) => rows.map(infoOf)
      ),
    kept: () =>
      Effect.map(
        batch(db, [["SELECT count(*) AS kept FROM agent_sync_logs WHERE tenant = ?1 AND keep = 1", tenant]]),
        ([rows = []]) => numberOf(rows[0]?.kept)
      ),
    retire: (names, options) => {
      const which = [tenant, JSON.stringify(names), options?.kept === true ? 1 : 0] as const
      return Effect.map(
        batch(db, [
          [`INSERT INTO agent_sync_retired SELECT tenant, name FROM ${RETIRABLE} ON CONFLICT DO NOTHING`, ...which],
          [`DELETE FROM agent_sync_segments WHERE log IN (SELECT id FROM ${RETIRABLE})`, ...which],
          [`DELETE FROM agent_sync_ids WHERE log IN (SELECT id FROM ${RETIRABLE})`, ...which],
          [`DELETE FROM ${RETIRABLE} RETURNING id`, ...which]
        ]),
        (answers) => answers.at(-1)!.length
      )
    },
    trim: (name, floor) => again(trim(place, name, floor)),
    erase: () =>
      Effect.suspend(() => {
        const id = makeRemoteId()
        const all = "(SELECT id FROM agent_sync_logs WHERE tenant = ?1)"
        return Effect.map(
          batch(db, [
            [`DELETE FROM agent_sync_segments WHERE log IN ${all}`, tenant],
            [`DELETE FROM agent_sync_ids WHERE log IN ${all}`, tenant],
            ...["logs", "retired", "revoked"].map(
              (table): Query => [`DELETE FROM agent_sync_${table} WHERE tenant = ?1`, tenant]
            ),
            ["UPDATE agent_sync_tenants SET remote_id = ?2 WHERE tenant = ?1", tenant, id]
          ]),
          () => {
            remoteId = id
          }
        )
      }),
    revoke: (id, until) =>
      Effect.asVoid(
        batch(db, [
          [
            `INSERT INTO agent_sync_revoked VALUES (?1, ?2, ?3)
             ON CONFLICT (tenant, id) DO UPDATE SET until = max(until, excluded.until)`,
            tenant,
            id,
            until
          ]
        ])
      ),
    revoked: (now) =>
      Effect.map(
        batch(db, [
          ["DELETE FROM agent_sync_revoked WHERE tenant = ?1 AND until <= ?2", tenant, now],
          ["SELECT id, until FROM agent_sync_revoked WHERE tenant = ?1 ORDER BY id", tenant]
        ]),
        ([, rows = []]) => rows.map(({ id, until }) => ({ id: textOf(id), until: numberOf(until) }))
      ),
    close: () => {}
  }
}

const infoOf = ({ bytes, head, keep, last_write, name, trimmed }: Row): LogInfo => ({
  log: textOf(name),
  head: numberOf(head),
  floor: numberOf(trimmed) + 1,
  keep: keep === 1,
  entries: numberOf(head) - numberOf(trimmed),
  bytes: numberOf(bytes),
  lastWrite: numberOf(last_write)
})
