/**
 * The links that were made on this machine, remembered so that they can be listed and revoked: ids, sessions and times,
 * never a key or a token. One JSON file, 0600, in the tenant's keys folder.
 */
import { chmodSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { EXIT, Failure } from "../../Failure.ts"
import { isNamed } from "../../files.ts"
import type { TenantFiles } from "../../Keys.ts"

/** Times are seconds since 1970. */
const Share = Schema.Struct({
  /** The token's id. */
  id: Schema.String,
  session: Schema.String,
  title: Schema.optionalWith(Schema.String, { exact: true }),
  hub: Schema.String,
  made: Schema.Int,
  until: Schema.Int,
  revoked: Schema.optionalWith(Schema.Int, { exact: true })
})
export type Share = typeof Share.Type

const decode = Schema.decodeUnknownEither(
  Schema.parseJson(Schema.Struct({ schema: Schema.Literal(1), shares: Schema.Array(Share) }))
)

const fileOf = ({ folder }: TenantFiles) => join(folder, "shares.json")

/** None where the file is not there. */
export const readShares = (files: TenantFiles): Either.Either<ReadonlyArray<Share>, Failure> => {
  const file = fileOf(files)
  try {
    const found = decode(readFileSync(file, "utf8"))
    return Either.isRight(found) ? Either.right(found.right.shares) : unusable(file, "it is damaged, or newer")
  } catch (error) {
    return isNamed(error, "ENOENT") ? Either.right([]) : unusable(file, String(error))
  }
}

/** Links that ended more than this ago are forgotten, in seconds. */
const KEPT_SECONDS = 30 * 86_400

/** Whole or not at all. Two commands at once: the later one's word counts. */
export const writeShares = (files: TenantFiles, shares: ReadonlyArray<Share>): Either.Either<void, Failure> => {
  const file = fileOf(files)
  const oldest = Date.now() / 1000 - KEPT_SECONDS
  const draft = `${file}.${process.pid}`
  try {
    const text = JSON.stringify({ schema: 1, shares: shares.filter(({ until }) => until > oldest) }, null, 2)
    writeFileSync(draft, `${text}\n`, { mode: 0o600 })
    chmodSync(draft, 0o600)
    return Either.right(renameSync(draft, file))
  } catch (error) {
    return unusable(file, error instanceof Error ? error.message : String(error))
  }
}

const unusable = (file: string, why: string) =>
  Either.left(
    new Failure({
      exit: EXIT.failure,
      code: "SharesUnusable",
      what: `The list of links in ${file} cannot be used: ${why}.`,
      now: "No link was made or ended.",
      tries: [{ command: `mv ${file} ${file}.old`, why: "begins a new list; links made before stay as they are" }]
    })
  )
