/** The secrets here are made of parts, so that nothing in this file looks like one to a scanner. */
import { describe, expect, test } from "bun:test"
import { makeRedactor } from "agent-sync/agents"
import type { AgentEvent } from "agent-sync/events"
import * as fc from "effect/FastCheck"
import { rules } from "../../sdk/src/agents/secrets.ts"

const { event: redact } = makeRedactor()

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

/** No known shape: only how random it looks. */
const unknown = "vQ8mZr2LxT5wYb7Nk3Hd9PfGs4Jc6RaU"

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
  ["slack-webhook", `T${upper(8)}/B${upper(8)}/${some(24)}`, "https://hooks.slack.com/services/*"],
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
  ["huggingface-token", `hf${"_"}${some(34)}`],
  ["sendgrid-key", `S${"G"}.${some(22)}.${some(43)}`],
  ["env-secret", "hunter2hunter2", "export DEPLOY_TOKEN=*"],
  ["env-secret", "correct horse battery", 'DB_PASSWORD="*"'],
  ["env-secret", "pa$$word1", "PGPASSWORD=* psql"],
  ["env-secret", some(20), '+ "STRIPE_API_KEY": "*",'],
  ["env-secret", some(20), '{\\"CLIENT_SECRET\\": \\"*\\"}'],
  ["labelled-secret", some(20), '{"client_secret":"*"}'],
  ["labelled-secret", some(20), "apiKey: '*'"],
  ["labelled-secret", "s3cret!pass", '"password": "*"'],
  ["labelled-secret", `${some(14)}x`, "db:\n  password: *\n"],
  ["groq-key", `gs${"k_"}${some(52)}`],
  ["xai-key", `xa${"i-"}${some(80)}`],
  ["replicate-token", `r8${"_"}${some(37)}`],
  ["vault-token", `hv${"s."}${some(40)}`],
  ["cloudflare-token", `cf${"ut_"}${some(48)}`],
  ["telegram-token", `1234567890:A${"A"}${some(33)}`],
  ["terraform-token", `${some(14)}.atlas${"v1."}${some(64)}`],
  ["azure-key", `${some(86)}==`, "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=*"],
  ["connection-string", "hunter2", "Server=db;User=sa;Password=*;Trusted=no"],
  ["url-parameter", some(32), "GET https://example.com/hook?access_token=*&page=2"],
  ["header-secret", some(32), "x-api-key: *"],
  ["header-secret", some(32), '{"X-Auth-Token":"*"}'],
  ["cookie", `session=${some(30)}`, "set-cookie: *"],
  ["command-line", "hunter2!", "mysql --password=* -h db"],
  ["command-line", "s3cr3tpass", "curl -u admin:* https://example.com"],
  ["netrc", "hunter2", "machine example.com login me password *"],
  ["npm-token", some(24), "//registry.example.com/:_authToken=*"],
  ["random", unknown, "deploying with * now"],
  ["random", "k3Jd9qLm2Xw8Rt5Zv7Bn", "webhookSecretValue = *"]
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
  "password: string",
  "the secret to good tokens is a key: patience",
  "--token TOKEN and --password <password>",
  "docker run --user 1000:1000 -u node:node2 image",
  "cookie: a small file that sites keep",
  "GET /search?key=word&page=12",
  "PWD=/home/dev/project and OLDPWD=/home/dev",
  // Random to the eye, and harmless.
  `data:image/png;base64,${some(120)}`,
  `"signature":"${some(400)}"`,
  `${some(76)}\n${some(76)}\n${some(40)}`,
  "AbstractSingletonProxyFactoryBeanForHttp2Requests",
  "src/components/Dashboard2/UserProfileCard/index.test.tsx",
  "const useGetV2UsersByUserIdSessionsQueryHook = 1",
  "01ARZ3NDEKTSV4RRFFQ69G5FAV",
  `toolu_vrtx_01${some(22)}`,
  `sess_${some(40)}`,
  "projects/-home-dev-My-Project-2-final/6f5f15df-3331-48e8-a756-9b4ed9494f00",
  `commit ${hex(40)} and tree ${hex(64)}`,
  'const API_KEY = Redacted.make("x")',
  'PROXY_SHARED_SECRET: "MF-Proxy-Shared-Secret", DATA_SECRET: "MINIFLARE_PROXY_SECRET"',
  "dist/assets/input-group-lxdd09p60cf27pe1-BqVz8A4J.js  12 kB",
  "PyModule_FromDefAndSpec2TraceRefs",
  "XMLHttpRequest2EventTargetWithCredentials"
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

  test("looks everywhere in an event's data, in names too, and keeps numbers", () => {
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
      env: [{ [marker]: marker }, 1, null],
      deep: { list: [["x", `a ${marker} b`]] }
    })
    expect(found).toEqual(["github-token", "github-token", "github-token"])
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

  test("a field that is named as a secret is one, whatever its value looks like", () => {
    const input = {
      password: "correct-horse",
      headers: { Authorization: `Basic ${some(16)}`, accept: "text/html" },
      dbPassword: "hunter22",
      accessToken: some(16),
      token: "next",
      password_hint: "the usual one 1",
      tokens: 1200
    }
    const { event, found } = redact({
      ...frame,
      group: "audit",
      kind: "tool_started",
      data: { call: "c", name: "n", input }
    })
    const marker = "[redacted:labelled-secret]"
    expect(event.kind === "tool_started" && event.data.input).toEqual({
      ...input,
      password: marker,
      headers: { Authorization: marker, accept: "text/html" },
      dbPassword: marker,
      accessToken: marker
    })
    expect(found).toHaveLength(4)
  })

  test("the same secret has the same mark, another another, and a mark says nothing without the key", () => {
    const [one, two] = [`ghp_${some(36)}`, `ghp_${some(35)}Q`]
    const marks = (key: number, text: string) =>
      makeRedactor({ key: new Uint8Array(32).fill(key) })
        .text(text)
        .split(" ")
    const [a, b, c] = marks(1, `${one} ${two} ${one}`)
    expect(a).toMatch(/^\[redacted:github-token#[0-9a-f]{8}\]$/)
    expect(a).toBe(c!)
    expect(a).not.toBe(b!)
    expect(marks(2, one)[0]).not.toBe(a!)
    expect(makeRedactor({ key: new Uint8Array(32).fill(1) }).text(`${a} and ${b}`)).toBe(`${a} and ${b}`)
  })

  test("a person's own rules are tried first; what is allowed stays; rules can be off", () => {
    const redactor = makeRedactor({
      rules: [{ name: "acme-ticket", pattern: /ACME-\d{8}/g }],
      allow: [/EXAMPLE/],
      off: new Set(["random", "jwt"])
    })
    expect(redactor.text("see ACME-12345678")).toBe("see [redacted:acme-ticket]")
    expect(redactor.text(`AK${"IA"}IOSFODNN7EXAMPLE`)).toBe(`AK${"IA"}IOSFODNN7EXAMPLE`)
    expect(redactor.text(`AK${"IA"}${upper(16)}`)).toBe("[redacted:aws-access-key]")
    expect(redactor.text(`${unknown} ${jwt}`)).toBe(`${unknown} ${jwt}`)
  })

  test("random keys are found, and what agents call things is not", () => {
    const alphabet = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"]
    const letters = (length: number) =>
      fc
        .array(fc.nat({ max: 61 }), { minLength: length, maxLength: length })
        .map((at) => at.map((n) => alphabet[n]).join(""))
    // Chance makes a few that look tame; most are found.
    const sample = fc.sample(letters(48), { numRuns: 300, seed: 7 })
    expect(sample.filter((key) => redactText(`key ${key} end`).found.length === 1).length).toBeGreaterThan(280)
    fc.assert(
      fc.property(
        fc.constantFrom("toolu_01", "msg_01", "call_", "req_011", "resp_", "chatcmpl-"),
        letters(24),
        (id, rest) => {
          expect(redactText(`"id":"${id}${rest}"`).found).toEqual([])
        }
      )
    )
    fc.assert(
      fc.property(fc.uuid(), (id) => {
        expect(redactText(`"sessionId":"${id}"`).found).toEqual([])
      })
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
    "cookie: a=",
    " --password ",
    "&key=aaaaaaaaaaaa",
    "machine a login b password",
    "\n  password: a1",
    "vQ8mZr2LxT5wYb7Nk3Hd9PfGs4Jc6RaU",
    "vQ8mZr2LxT5wYb7Nk3Hd9PfGs4Jc6RaU ",
    "a/b1/",
    "-us1",
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
