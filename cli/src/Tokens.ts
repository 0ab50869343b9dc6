/**
 * Which tokens were made on this machine, for `token list` and `revoke`: a line each in the tenant's keys folder, 0600,
 * without the tokens themselves. The hub knows tokens only by their signature; it keeps no list but the revoked ones.
 */
import { appendFileSync, existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { TenantFiles } from "./Keys.ts"

const Made = Schema.Struct({
  id: Schema.String,
  roles: Schema.Array(Schema.String),
  label: Schema.optional(Schema.String),
  session: Schema.optional(Schema.String),
  /** In seconds since 1970. */
  made: Schema.Number,
  exp: Schema.optional(Schema.Number)
})
const Revoked = Schema.Struct({ revoked: Schema.String })
const Line = Schema.parseJson(Schema.Union(Made, Revoked))

export type MadeToken = typeof Made.Type & { readonly revoked?: boolean }

const fileOf = ({ folder }: TenantFiles) => join(folder, "tokens.jsonl")

/** Newest last. A line that cannot be read is passed by: another version may have written it. */
export const tokensOf = (files: TenantFiles): ReadonlyArray<MadeToken> => {
  if (!existsSync(fileOf(files))) return []
  const found = new Map<string, MadeToken>()
  for (const line of readFileSync(fileOf(files), "utf8").split("\n")) {
    const read = Schema.decodeUnknownEither(Line)(line)
    if (Either.isLeft(read)) continue
    if ("id" in read.right) found.set(read.right.id, read.right)
    else {
      const known = found.get(read.right.revoked)
      if (known !== undefined) found.set(known.id, { ...known, revoked: true })
    }
  }
  return [...found.values()]
}

export const remember = (files: TenantFiles, token: typeof Made.Type) => append(files, token)
export const rememberRevoked = (files: TenantFiles, id: string) => append(files, { revoked: id })

const append = (files: TenantFiles, line: typeof Made.Type | typeof Revoked.Type) =>
  appendFileSync(fileOf(files), `${JSON.stringify(line)}\n`, { mode: 0o600 })
