/**
 * Secrets never leave: every string of an event is searched before it is sealed, by known shapes first, by how random it
 * looks second, and what is found is replaced by a marker that says by which rule. The marker carries a keyed hash: the
 * same secret has the same mark, and without the key the mark says nothing of it. Bytes of blobs are not searched.
 */
import { hmac } from "@noble/hashes/hmac.js"
import { sha256 } from "@noble/hashes/sha2.js"
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js"
import type { AgentEvent } from "../domain/AgentEvent.ts"
import { looksRandom, runs } from "./entropy.ts"
import { isReference, type Rule, rules, secretField } from "./secrets.ts"

/** A person's own rules beside ours. */
export interface RedactionOptions {
  /** What keys the marks' hashes; without it marks have none. */
  readonly key?: Uint8Array
  /** Tried before our own; what each finds is replaced whole. Global, and never matching an empty text. */
  readonly rules?: ReadonlyArray<{ readonly name: string; readonly pattern: RegExp }>
  /** A secret in which one of these is found is none. */
  readonly allow?: ReadonlyArray<RegExp>
  /** Rules of ours that are not tried, by name. */
  readonly off?: ReadonlySet<string>
}

/** An event without the secrets that were in it. */
export interface Redacted {
  /** The same object where nothing was found. */
  readonly event: AgentEvent
  /** The rule of each replaced value. */
  readonly found: ReadonlyArray<string>
}

/** Takes secrets out, the same ones with the same mark. */
export interface Redactor {
  readonly event: (event: AgentEvent) => Redacted
  /** Any value of strings, lists and objects; the same value where nothing was found. */
  readonly value: (value: unknown, onFound?: (rule: string) => void) => unknown
  /** One text, for what is told of a session outside its events. `onFound` gets the rule of each secret. */
  readonly text: (text: string, onFound?: (rule: string) => void) => string
}

/** The rule that goes by how random a text looks. */
const ENTROPY = "random"
/** The rules of secrets in fields that are named as such. */
const FIELD = "labelled-secret"

/** Names of all rules of ours. */
export const ruleNames: ReadonlySet<string> = new Set([...rules.map(({ name }) => name), ENTROPY])

/** Compiles the rules; one serves many events. */
export const makeRedactor = (options: RedactionOptions = {}): Redactor => {
  const { allow = [], key, off = new Set() } = options
  const tried: ReadonlyArray<Rule> = [
    ...(options.rules ?? []).map(({ name, pattern }): Rule => ({ name, pattern, hints: [""] })),
    ...rules.filter(({ name }) => !off.has(name))
  ]
  // One look for all hints: most texts have none.
  const hinted = new RegExp(tried.flatMap(({ hints }) => hints.map(escaped)).join("|"))
  const byEntropy = !off.has(ENTROPY)
  const byField = !off.has(FIELD)

  const isAllowed = (secret: string) =>
    allow.some((pattern) => {
      pattern.lastIndex = 0
      return pattern.test(secret)
    })
  const mark = (rule: string, secret: string) =>
    key === undefined
      ? `[redacted:${rule}]`
      : `[redacted:${rule}#${bytesToHex(hmac(sha256, key, utf8ToBytes(secret)).subarray(0, HASH_BYTES))}]`

  const replace = (text: string, onFound: (rule: string) => void): string => {
    if (text.length < SHORTEST) return text
    let safe = text
    for (const { hints, name, pattern } of hinted.test(text) ? tried : []) {
      if (!hints.some((hint) => safe.includes(hint))) continue
      safe = safe.replace(pattern, (whole: string, ...match) => {
        const groups: Record<string, string | undefined> = typeof match.at(-1) === "object" ? match.at(-1) : {}
        const before = (groups.before ?? groups.also ?? groups.line ?? "") + (groups.quote ?? "")
        const { after = "" } = groups
        const secret = whole.slice(before.length, whole.length - after.length)
        if (secret.startsWith("[redacted:") || isAllowed(secret)) return whole
        onFound(name)
        return `${before}${mark(name, secret)}${after}`
      })
    }
    if (!byEntropy) return safe
    const searched = safe
    return searched.replace(runs, (run, at: number) => {
      if (!looksRandom(run, searched, at) || isAllowed(run)) return run
      onFound(ENTROPY)
      return mark(ENTROPY, run)
    })
  }

  /** A value under a name that says what it is. */
  const named = (name: string, value: string, onFound: (rule: string) => void): string => {
    const safe = replace(value, onFound)
    const sort = safe === value && byField ? secretField(name) : undefined
    if (sort === undefined || !isSecret(sort, value) || isAllowed(value)) return safe
    onFound(FIELD)
    return mark(FIELD, value)
  }

  /** The same value where nothing was found in it. */
  const walk = (value: unknown, name: string, onFound: (rule: string) => void): unknown => {
    if (typeof value === "string") return named(name, value, onFound)
    if (Array.isArray(value)) {
      const inner = value.map((one) => walk(one, name, onFound))
      return inner.some((one, n) => one !== value[n]) ? inner : value
    }
    if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value
    const fields = Object.entries(value).map(
      ([field, one]) => [replace(field, onFound), walk(one, field, onFound), field, one] as const
    )
    // `fromEntries` also keeps a field that is called `__proto__`.
    return fields.some(([field, after, was, before]) => after !== before || field !== was)
      ? Object.fromEntries(fields.map(([field, after]) => [field, after]))
      : value
  }

  return {
    event: (event) => {
      const found: Array<string> = []
      const content = event.kind === "unrecognized" ? "original" : "data"
      const safe = walk(event.kind === "unrecognized" ? event.original : event.data, "", (rule) => found.push(rule))
      return found.length === 0 ? { event, found } : { event: { ...event, [content]: safe } as AgentEvent, found }
    },
    value: (value, onFound = () => {}) => walk(value, "", onFound),
    text: (text, onFound = () => {}) => replace(text, onFound)
  }
}

/** Of the hash in a mark: enough to tell a session's secrets apart, too little to test guesses for sure. */
const HASH_BYTES = 4
/** Characters below which a text holds no secret of ours. */
const SHORTEST = 8

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")

const isSecret = (sort: "password" | "token", value: string) =>
  sort === "password"
    ? value.length >= 6 && value.length <= 256 && !/\s/.test(value) && /[^A-Za-z]/.test(value) && !isReference(value)
    : value.length >= 12 && value.length <= 4096 && /[0-9]/.test(value) && !/^\d+$/.test(value) && !isReference(value)
