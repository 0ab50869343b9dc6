/** The template, and the SQL client of Effect beside it: what that would add to the bundle. */
import * as SqliteClient from "@effect/sql-sqlite-do/SqliteClient"
import { SyncDurableObject as Hub } from "agent-sync/worker"

export class SyncDurableObject extends Hub {
  readonly client = SqliteClient.layer({ db: this.ctx.storage.sql })
}

export { default } from "../../../worker-template/src/worker.ts"
