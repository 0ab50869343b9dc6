/**
 * The `redact` section of `agent-sync.json`: a person's own rules for secrets, what is none, and rules of ours that
 * are switched off. Patterns are JavaScript's regular expressions.
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { type RedactionOptions, ruleNames } from "./Redaction.ts"
import { isSecretName } from "./secrets.ts"

export const RedactSection = Schema.Struct({
  /** What each finds is replaced by `[redacted:name…]`. */
  rules: Schema.optional(
    Schema.Array(
      Schema.Struct({
        name: Schema.String.pipe(
          Schema.pattern(/^[a-z0-9][a-z0-9-]{0,40}$/, { message: () => "is a name of small letters, digits and -" })
        ),
        pattern: Schema.NonEmptyString,
        /** `i`, `m`, `s`, `u`. */
        flags: Schema.optional(Schema.String.pipe(Schema.pattern(/^[imsu]*$/, { message: () => "are of i, m, s, u" })))
      })
    )
  ),
  /** A secret in which one of these is found is none. */
  allow: Schema.optional(Schema.Array(Schema.NonEmptyString)),
  /** Rules of ours, by name. */
  off: Schema.optional(Schema.Array(Schema.String))
})
export type RedactSection = typeof RedactSection.Type

/** What a person says of secrets; the key of the marks is the journal's. */
export type Redaction = Omit<RedactionOptions, "key">

/** `env` is what an agent that is started here knows. A Left is what is wrong with the section, to be put behind its file's name. */
export const redactionOf = (
  { allow = [], off = [], rules = [] }: RedactSection,
  env: Readonly<Record<string, string | undefined>>
): Either.Either<Redaction, string> =>
  Either.gen(function* () {
    const unknown = off.filter((name) => name !== ENVIRONMENT && !ruleNames.has(name))
    if (unknown.length > 0) {
      return yield* Either.left(`redact.off names ${unknown.join(", ")}, and there is no such rule`)
    }
    const own: Array<{ readonly name: string; readonly pattern: RegExp }> = []
    const known = off.includes(ENVIRONMENT) ? [] : secretsIn(env)
    if (known.length > 0) own.push({ name: ENVIRONMENT, pattern: new RegExp(known.map(escaped).join("|"), "g") })
    for (const { flags = "", name, pattern } of rules) {
      own.push({ name, pattern: yield* compiled(pattern, `g${flags}`, `redact.rules, ${name}`) })
    }
    const allowed: Array<RegExp> = []
    for (const pattern of allow) allowed.push(yield* compiled(pattern, "", "redact.allow"))
    return { rules: own, allow: allowed, off: new Set(off) }
  })

/** The rules of both, and what either allows or switches off. */
export const both = (one: Redaction, other: Redaction): Redaction => ({
  rules: [...(one.rules ?? []), ...(other.rules ?? [])],
  allow: [...(one.allow ?? []), ...(other.allow ?? [])],
  off: new Set([...(one.off ?? []), ...(other.off ?? [])])
})

/** The rule for values of this process's own variables that are named as secrets: an agent may print them, however they look. */
export const ENVIRONMENT = "environment"
/** Characters below which a value is a word that may stand anywhere. */
const SHORTEST = 8

/** The longest first, so that one that begins another does not leave the rest of it. A number, a path or an address is none. */
const secretsIn = (env: Readonly<Record<string, string | undefined>>): ReadonlyArray<string> =>
  [
    ...new Set(
      Object.entries(env).flatMap(([name, value = ""]) =>
        isSecretName(name) &&
        value.length >= SHORTEST &&
        !/^(?:\d+|[~/.].*|https?:\/\/[^@]*|asw1.*|true|false)$/.test(value)
          ? [value]
          : []
      )
    )
  ].toSorted((a, b) => b.length - a.length)

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&")

const compiled = (pattern: string, flags: string, where: string): Either.Either<RegExp, string> =>
  Either.gen(function* () {
    const made = yield* Either.try({
      try: () => new RegExp(pattern, flags),
      catch: (error) => `${where}: ${error instanceof Error ? error.message : String(error)}`
    })
    if ("".search(made) !== -1) return yield* Either.left(`${where}: ${pattern} also finds an empty text`)
    return made
  })
