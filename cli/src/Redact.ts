/**
 * The `redact` section of `agent-sync.json`: a person's own rules for secrets, what is none, and rules of ours that
 * are switched off. Patterns are JavaScript's regular expressions.
 */
import { isSecretName, type RedactionOptions, ruleNames } from "agent-sync/agents"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { EXIT, Failure } from "./Failure.ts"
import type { Env } from "./Folders.ts"

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

export type Redaction = Omit<RedactionOptions, "key">

/** `file` is where the section stands, for errors; `env` is what an agent that is started here knows. */
export const redactionOf = (
  section: RedactSection | undefined,
  file: string,
  env: Env
): Either.Either<Redaction, Failure> =>
  Either.gen(function* () {
    const { allow = [], off = [], rules = [] } = section ?? {}
    const unknown = off.filter((name) => name !== ENVIRONMENT && !ruleNames.has(name))
    if (unknown.length > 0) {
      return yield* wrong(file, `redact.off names ${unknown.join(", ")}, and there is no such rule`)
    }
    const own: Array<{ readonly name: string; readonly pattern: RegExp }> = []
    const known = off.includes(ENVIRONMENT) ? [] : secretsIn(env)
    if (known.length > 0) own.push({ name: ENVIRONMENT, pattern: new RegExp(known.map(escaped).join("|"), "g") })
    for (const { flags = "", name, pattern } of rules) {
      own.push({ name, pattern: yield* compiled(pattern, `g${flags}`, `redact.rules, ${name}`, file) })
    }
    const allowed: Array<RegExp> = []
    for (const pattern of allow) allowed.push(yield* compiled(pattern, "", "redact.allow", file))
    return { rules: own, allow: allowed, off: new Set(off) }
  })

/** The rule for values of this process's own variables that are named as secrets: an agent may print them, however they look. */
export const ENVIRONMENT = "environment"
/** Characters below which a value is a word that may stand anywhere. */
const SHORTEST = 8

/** The longest first, so that one that begins another does not leave the rest of it. A number, a path or an address is none. */
const secretsIn = (env: Env): ReadonlyArray<string> =>
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

const compiled = (pattern: string, flags: string, where: string, file: string): Either.Either<RegExp, Failure> =>
  Either.gen(function* () {
    const made = yield* Either.try({
      try: () => new RegExp(pattern, flags),
      catch: (error) => failure(file, `${where}: ${error instanceof Error ? error.message : String(error)}`)
    })
    if ("".search(made) !== -1) return yield* wrong(file, `${where}: ${pattern} also finds an empty text`)
    return made
  })

const wrong = (file: string, what: string) => Either.left(failure(file, what))
const failure = (file: string, what: string) =>
  new Failure({
    exit: EXIT.usage,
    code: "BadConfig",
    what: `${file} cannot be used: ${what}.`,
    now: "Nothing was started.",
    tries: [{ command: "agent-sync redact --rules", why: "names the rules" }]
  })
