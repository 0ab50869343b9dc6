/** A dry run of redaction over one file: what would be taken out, by which rule, and where. It never prints a secret. */
import { readFileSync } from "node:fs"
import { makeRedactor, type Redactor, ruleNames } from "agent-sync/agents"
import * as Effect from "effect/Effect"
import { settings } from "../../Config.ts"
import { EXIT, Failure } from "../../Failure.ts"
import { paintFor } from "../../paint.ts"
import { ENVIRONMENT } from "../../Redact.ts"
import { clean, plural } from "../../Terminal.ts"

export interface RedactInput {
  readonly test: string | undefined
  readonly print: boolean
  readonly rules: boolean
  readonly json: boolean
}

interface Found {
  readonly rule: string
  /** From 1. */
  readonly line: number
}

export const run = (input: RedactInput) =>
  Effect.gen(function* () {
    const { redaction } = yield* settings({}, { env: process.env, cwd: process.cwd() })
    if (input.rules) {
      const names = new Set([...(redaction.rules ?? []).map(({ name }) => name), ENVIRONMENT, ...ruleNames])
      const shown = [...names].filter((name) => redaction.off?.has(name) !== true)
      process.stdout.write(input.json ? `${JSON.stringify({ schema: 1, rules: shown })}\n` : `${shown.join("\n")}\n`)
      return EXIT.ok
    }
    const file = input.test
    if (file === undefined) {
      return yield* new Failure({
        exit: EXIT.usage,
        code: "MissingFlags",
        what: "redact needs a file to try.",
        tries: [{ command: "agent-sync redact --test FILE" }, { command: "agent-sync redact --rules" }]
      })
    }
    const text = yield* Effect.try({
      try: () => readFileSync(file === "-" ? 0 : file, "utf8"),
      catch: (error) =>
        new Failure({
          exit: EXIT.failure,
          code: "CannotRead",
          what: `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}.`
        })
    })
    // A key of this run alone: what is tried here is not tied to what is recorded.
    const redactor = makeRedactor({ ...redaction, key: crypto.getRandomValues(new Uint8Array(32)) })
    const found: Array<Found> = []
    const safe = redacted(text, redactor, found)
    if (input.print) {
      process.stdout.write(safe)
      return EXIT.ok
    }
    const counts = countsOf(found)
    if (input.json) {
      process.stdout.write(`${JSON.stringify({ schema: 1, file, total: found.length, counts, found })}\n`)
      return EXIT.ok
    }
    const paint = paintFor(process.stdout)
    const width = Math.max(0, ...Object.keys(counts).map((rule) => rule.length))
    const rows = Object.entries(counts).map(([rule, count]) => {
      const at = [...new Set(found.filter((one) => one.rule === rule).map(({ line }) => line))]
      const lines = `line ${at.slice(0, 8).join(", ")}${at.length > 8 ? `, and ${at.length - 8} more` : ""}`
      return `${String(count).padStart(6)}  ${rule.padEnd(width)}  ${paint.dim(lines)}`
    })
    process.stdout.write(rows.length === 0 ? "" : `${rows.join("\n")}\n`)
    process.stderr.write(
      found.length === 0
        ? `No secret of a known shape in ${clean(file)}.\n`
        : `${plural(found.length, "secret")} would be taken out of ${clean(file)}. Nothing was written.\n`
    )
    return EXIT.ok
  })

const MARK = /\[redacted:([a-z0-9-]+)#[0-9a-f]+\]/g
const SPLIT = /\[redacted:[a-z0-9-]+#[0-9a-f]+\]/

/** Lines that are JSON are searched value by value, as they are when recorded; what is between them as one text. */
const redacted = (text: string, redactor: Redactor, found: Array<Found>): string => {
  const out: Array<string> = []
  let plain: Array<string> = []
  let line = 1
  const flush = () => {
    if (plain.length === 0) return
    const first = line - plain.length
    const whole = plain.join("\n")
    const safe = redactor.text(whole)
    // What is left between the marks tells where in the whole each secret began.
    const marks = [...safe.matchAll(MARK)].flatMap(([, rule]) => rule ?? [])
    let at = 0
    for (const [n, piece] of safe.split(SPLIT).slice(0, -1).entries()) {
      at = whole.indexOf(piece, at) + piece.length
      found.push({ rule: marks[n] ?? "", line: first + (whole.slice(0, at).match(/\n/g)?.length ?? 0) })
    }
    out.push(safe)
    plain = []
  }
  for (const one of text.split("\n")) {
    const value = objectIn(one)
    if (value === undefined) plain.push(one)
    else {
      flush()
      out.push(JSON.stringify(redactor.value(value, (rule) => found.push({ rule, line }))))
    }
    line++
  }
  flush()
  return out.join("\n")
}

const objectIn = (line: string): unknown => {
  if (!line.startsWith("{")) return undefined
  try {
    return JSON.parse(line) as unknown
  } catch {
    return undefined
  }
}

const countsOf = (found: ReadonlyArray<Found>): Readonly<Record<string, number>> => {
  const counts: Record<string, number> = {}
  for (const { rule } of found) counts[rule] = (counts[rule] ?? 0) + 1
  return Object.fromEntries(Object.entries(counts).toSorted(([, a], [, b]) => b - a))
}
