/**
 * A D1 database as Miniflare runs it, asked through a Worker that hands a whole batch to its binding: Miniflare's own proxy
 * crosses into workerd for each statement and each of its values, which costs four times as much.
 */
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare"
import type { Database, Query } from "../../sdk/src/worker/d1/Database.ts"
import { COMPATIBILITY_DATE } from "./workerd.ts"

export interface D1 {
  readonly db: Database
  readonly stop: () => Promise<void>
}

/** JSON has no bytes. */
const script = `
const valueOf = (value) => (value?.base64 === undefined ? value : Uint8Array.fromBase64(value.base64))
export default {
  fetch: async (request, { DB }) => {
    try {
      const queries = await request.json()
      const answers = await DB.batch(queries.map(([sql, ...values]) => DB.prepare(sql).bind(...values.map(valueOf))))
      return Response.json(answers.map(({ results }) => ({ results })))
    } catch (error) {
      return new Response(error.message, { status: 500 })
    }
  }
}`

export const startD1 = async (): Promise<D1> => {
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      name: "hub",
      modules: true,
      script,
      compatibilityDate: COMPATIBILITY_DATE,
      d1Databases: { DB: "hub" },
      host: "127.0.0.1",
      port: 0,
      cf: false,
      log: new Log(LogLevel.NONE)
    })
  )
  const url = await miniflare.ready
  return { db: overHttp(url), stop: () => miniflare.dispose() }
}

const overHttp = (url: URL): Database => ({
  prepare: (sql) => statement([sql]),
  batch: async (statements: ReadonlyArray<{ readonly query: Query }>) => {
    const body = JSON.stringify(statements.map(({ query }) => query.map(toJson)))
    const answer = await fetch(url, { method: "POST", body })
    if (!answer.ok) throw new Error(await answer.text())
    return (await answer.json()) as Awaited<ReturnType<Database["batch"]>>
  }
})

const statement = (query: Query) => ({
  query,
  bind: (...values: ReadonlyArray<Query[number]>) => statement([query[0], ...values])
})

const toJson = (value: Query[number]) => (value instanceof Uint8Array ? { base64: value.toBase64() } : value)
