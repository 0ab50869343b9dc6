/** The secrets here are made of parts, so that nothing in this file looks like one to a scanner. */
import { describe, expect, test } from "bun:test"
import { redact } from "agent-sync/agents"
import type { AgentEvent } from "agent-sync/events"
import * as fc from "effect/FastCheck"
import { rules } from "../../sdk/src/agents/secrets.ts"

const frame = {
  key: "k",
  time: 0,
  timeFrom: "arrival",
  source: { agent: "text", format: "stdout" },
  position: 0
} as const
const note = (text: string): AgentEvent => ({ ...frame, group: "audit", kind: "note", data: { what: "output", text } })
const redactText = (text: string) => {
  const { event, found } = redact(note(text))
  return { text: event.kind === "note" ? event.data.text! : "", found }
}

/** As many characters as asked, of letters and digits that no test depends on. */
const some = (length: number, alphabet = "aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0z") =>
  Array.from({ length }, (_, n) => alphabet[(n * 7) % alphabet.length]).join("")
const upper = (length: number) => some(length, "ABCDEFGHJKLMNPQ234567")
const hex = (length: number) => some(length, "0123456789abcdef")
const jwt = ["ey", `J${some(20)}.`, "ey", `J${some(40)}.`, some(43)].join("")
const pem = (kind: string, ending: string) =>
  [
    `-----BEGIN ${kind}`,
    `PRIVATE KEY-----${ending}`,
    [some(64), some(64), some(20)].join(ending),
    `${ending}-----END ${kind}PRIVATE KEY-----`
  ].join("")

const positives: ReadonlyArray<readonly [rule: string, secret: string, around?: string]> = [
  ["anthropic-key", `sk-${"ant"}-api03-${some(90)}`],
  ["openai-key", `sk-${some(48)}`],
  ["openai-key", `sk-${"proj"}-${some(60)}_${some(20)}`],
  ...["ghp", "gho", "ghu", "ghs", "ghr"].map((prefix) => ["github-token", `${prefix}_${some(36)}`] as const),
  ["github-token", `github_${"pat"}_${some(22)}_${some(59)}`],
  ["gitlab-token", `gl${"pat"}-${some(20)}`],
  ["aws-access-key", `AK${"IA"}${upper(16)}`],
  ["aws-access-key", `AS${"IA"}${upper(16)}`],
  ["aws-secret", some(40), "aws_secret_access_key = *"],
  ["aws-secret", some(40), '{"SecretAccessKey": "*"}'],
  ["aws-secret", some(40), "AWS_SECRET_ACCESS_KEY=*"],
  ["google-api-key", `AI${"za"}${some(35)}`],
  ["google-oauth", `ya${"29"}.${some(60)}`],
  ["slack-token", `xox${"b"}-123456789012-${some(24)}`],
  ["slack-token", `T${upper(8)}/B${upper(8)}/${some(24)}`, "https://hooks.slack.com/services/*"],
  ["stripe-key", `sk_${"live"}_${some(24)}`],
  ["stripe-key", `rk_${"test"}_${some(24)}`],
  ["npm-token", `npm${"_"}${some(36)}`],
  ["jwt", jwt],
  ["private-key", pem("", "\n")],
  ["private-key", pem("RSA ", "\\n")],
  ["private-key", pem("OPENSSH ", "\r\n")],
  ["private-key", pem("EC ", "\\\\n")],
  ["private-key", pem("ENCRYPTED ", "\n   12→")],
  ["private-key", `-----BEGIN ${"PRIVATE"} KEY-----\n${some(64)}\n${some(64)}`],
  ["bearer", some(40), "Authorization: Bearer *"],
  ["bearer", some(12), '"authorization": "Basic *"'],
  ["bearer", some(32), "curl -H 'x: 1' sent bearer *"],
  ["url-credentials", `dev:${some(12)}`, "postgres://*@db.example.com:5432/app"],
  ["url-credentials", `:${some(12)}`, "redis://*@127.0.0.1:6379"],
  ["agent-sync-key", `as${"r1"}${some(60, "qpzry9x8gf2tvdw0")}`],
  ["service-token", `hf${"_"}${some(34)}`],
  ["service-token", `S${"G"}.${some(22)}.${some(43)}`],
  ["env-secret", "hunter2hunter2", "export DEPLOY_TOKEN=*"],
  ["env-secret", "correct horse battery", 'DB_PASSWORD="*"'],
  ["env-secret", "pa$$word1", "PGPASSWORD=* psql"],
  ["env-secret", some(20), '+ "STRIPE_API_KEY": "*",'],
  ["env-secret", some(20), '{\\"CLIENT_SECRET\\": \\"*\\"}'],
  ["labelled-secret", some(20), '{"client_secret":"*"}'],
  ["labelled-secret", some(20), "apiKey: '*'"]
]

const negatives: ReadonlyArray<string> = [
  // Agents' own ids, and other things that are long and harmless.
  `toolu_01${some(22)}`,
  `msg_01${some(22)}`,
  `call_${some(24)}`,
  `req_011${some(21)}`,
  "6f5f15df-3331-48e8-a756-9b4ed9494f00",
  hex(40),
  hex(64),
  `sha512-${some(86)}==`,
  "claude-sonnet-4-5-20250929",
  `as${"w1"}${some(60, "qpzry9x8gf2tvdw0")}`,
  // Names, references and prose.
  "const token = await getToken()",
  "API_KEY=$SECRET_FROM_VAULT",
  `API_KEY="${"$"}{{ secrets.API_KEY }}"`,
  "apiKey: process.env.API_KEY",
  "AGENT_SYNC_KEY reads env:AGENT_SYNC_TOKEN",
  "GITHUB_TOKEN: string",
  "MAX_TOKENS=4096",
  "the bearer of good news is here, and authorization: required",
  "Authorization: Bearer $TOKEN",
  "sk-learn and task-management-for-people",
  "npm_config_registry and npm_lifecycle_event",
  "https://example.com/a:b@c",
  "https://example.com:8080/@scope/name",
  `postgres://user:${"$"}{PASSWORD}@host/db`,
  "a file that begins with -----BEGIN PRIVATE KEY----- is a key. This sentence stays.",
  "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----",
  "password: string"
]

describe("redact", () => {
  for (const [rule, secret, around = "before * after"] of positives) {
    test(`replaces by ${rule} in ${JSON.stringify(around)}: ${secret.slice(0, 6)}…`, () => {
      const { found, text } = redactText(around.replace("*", () => secret))
      expect(text).not.toContain(secret.slice(-10))
      expect(found).toEqual([rule])
      expect(text).toBe(around.replace("*", `[redacted:${rule}]`))
    })
  }

  const edges: ReadonlyArray<readonly [where: string, before: string]> = [
    ["after an escaped line end", "out\\n"],
    ["after colour", "\u001b[1;32m"],
    ["after escaped colour", "\\u001b[32m"],
    ["on a removed line of a diff", "\n-"],
    ["in a query", "?t="],
    ["in an escaped string", '\\"']
  ]
  for (const [where, before] of edges) {
    test(`finds every kind of secret ${where}`, () => {
      for (const [rule, secret, around = "*"] of positives) {
        const { text } = redactText(`${before}${around.replace("*", () => secret)}`)
        expect(`${rule}: ${text}`).not.toContain(secret.slice(-10))
      }
    })
  }

  for (const text of negatives) {
    test(`leaves ${JSON.stringify(text.slice(0, 60))}`, () => {
      expect(redactText(text)).toEqual({ text, found: [] })
    })
  }

  test("looks everywhere in an event's data, and keeps names and numbers", () => {
    const secret = `ghp_${some(36)}`
    const input = { env: [{ [secret]: secret }, 1, null], deep: { list: [["x", `a ${secret} b`]] } }
    const { event, found } = redact({
      ...frame,
      group: "audit",
      kind: "tool_started",
      data: { call: "toolu_1", name: "Bash", input }
    })
    const marker = "[redacted:github-token]"
    expect(event.kind === "tool_started" && event.data.input).toEqual({
      env: [{ [secret]: marker }, 1, null],
      deep: { list: [["x", `a ${marker} b`]] }
    })
    expect(found).toEqual(["github-token", "github-token"])
  })

  test("looks into events of a kind it does not know", () => {
    const data = { text: `ghp_${some(36)}` }
    const { event } = redact({ ...frame, group: "chat", kind: "unrecognized", original: { kind: "poll", v: 2, data } })
    expect(event).toMatchObject({ original: { kind: "poll", data: { text: "[redacted:github-token]" } } })
  })

  test("keeps a field called __proto__ a field", () => {
    const input: unknown = JSON.parse(`{"__proto__":{"x":"ghp_${some(36)}"}}`)
    const { event } = redact({ ...frame, group: "audit", kind: "tool_started", data: { call: "c", name: "n", input } })
    expect(JSON.stringify(event.kind === "tool_started" && event.data.input)).toBe(
      '{"__proto__":{"x":"[redacted:github-token]"}}'
    )
  })

  test("gives the same event back where there is nothing to find", () => {
    const event = note("nothing to see")
    expect(redact(event).event).toBe(event)
    const bytes = new Uint8Array(4)
    const blob: AgentEvent = {
      ...frame,
      group: "artifact",
      kind: "blob",
      data: { mediaType: "image/png", size: 4, bytes }
    }
    expect(redact(blob).event).toBe(blob)
  })

  test("finds nothing in what it has redacted", () => {
    const piece = fc.oneof(
      fc.constantFrom(...positives.map(([, secret, around = "*"]) => around.replace("*", () => secret))),
      fc.string()
    )
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join("\n")),
        (text) => {
          expect(redactText(redactText(text).text).found).toEqual([])
        }
      )
    )
  })

  test("finds each of several secrets in one text", () => {
    const whole = positives.map(([, secret, around = "*"]) => around.replace("*", () => secret)).join("\n\n")
    const { found } = redactText(whole)
    expect(found.toSorted()).toEqual(positives.map(([rule]) => rule).toSorted())
  })

  // Each is a megabyte made to send a careless pattern back and forth; with one, this file never ends.
  const hostile: ReadonlyArray<string> = [
    "a",
    "A_",
    "-",
    "sk-",
    "eyJaaaaaaaaaaa-",
    "eyJaaaaaaaaaaa.",
    `ey${"J"}aaaaaaaaaaa.eyJ`,
    "://",
    "://a:",
    "://:a",
    "TOKEN",
    "TOKEN=",
    "TOKEN: \\\\\\",
    'PASSWORD="',
    "bearer ",
    "bearer aaaaaaaaaaaaaaaaaaaaaaaa ",
    'authorization: "token ',
    "secret_access_key=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "password:'aaaaaaaaaaaaaaaaa",
    "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----\n",
    "-----BEGIN RSA PRIVATE KEY-----\\n\\n12 1→",
    "-----BEGIN ",
    "AKIA",
    "gl\\n",
    "hooks.slack.com/services/"
  ]
  for (const piece of hostile) {
    test(`comes to an end on a megabyte of ${JSON.stringify(piece)}`, () => {
      const text = piece.repeat(Math.ceil(1_000_000 / piece.length))
      expect(redactText(text).text.length).toBeGreaterThan(0)
      // All hints at once, so that every pattern is tried.
      const hints = rules.flatMap((rule) => rule.hints).join(" ")
      expect(redactText(`${hints}\n${text}`).text.length).toBeGreaterThan(0)
    })
  }
})
