/** A link is known by its token: the links of this machine are those of its tokens that were made for one. */
import * as Either from "effect/Either"
import { EXIT, Failure } from "../../Failure.ts"
import type { TenantFiles } from "../../Keys.ts"
import { type MadeToken, tokensOf } from "../../Tokens.ts"

/** Begins the label of a link's token; the session's title follows. */
const LABEL = "share"

export const labelOf = (title: string | undefined) => (title === undefined ? LABEL : `${LABEL}: ${title}`)
export const titleOf = ({ label }: MadeToken) => label?.slice(LABEL.length + 2) || undefined

export const linksOf = (files: TenantFiles): Either.Either<ReadonlyArray<MadeToken>, Failure> =>
  Either.map(
    kept(files, () => tokensOf(files)),
    (tokens) => tokens.filter(({ label }) => label === LABEL || label?.startsWith(`${LABEL}: `) === true)
  )

/** What is done to the list, and how it can fail. */
export const kept = <A>({ folder }: TenantFiles, act: () => A): Either.Either<A, Failure> =>
  Either.try({
    try: act,
    catch: (error) =>
      new Failure({
        exit: EXIT.failure,
        code: "TokensUnusable",
        what: `The list of tokens in ${folder} cannot be used: ${error instanceof Error ? error.message : String(error)}.`,
        now: "No link was made or ended."
      })
  })
