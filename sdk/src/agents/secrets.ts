/**
 * The rules by which secrets are found: tokens that tell whose they are (`tokens.ts`), and here what shows by its
 * surroundings: keys in armour, headers, URLs, assignments, command lines. A shape must cost time linear in the text, because the text is an agent's:
 * a pattern begins with a literal or at the start of a run, and what may repeat in it is bounded, or never overlaps
 * what follows. Each names hints, one of which must occur in the text before the pattern is tried at all.
 *
 * Agents' own ids (`toolu_`, `msg_`, `call_`, `req_`, UUIDs, hex hashes) have none of these shapes.
 */

import { tokens } from "./tokens.ts"

export interface Rule {
  readonly name: string
  readonly hints: ReadonlyArray<string>
  /** Global. What it finds is replaced, except what the groups `before`, `also`, `line`, `quote` and `after` hold. */
  readonly pattern: RegExp
}

/**
 * Where a secret may begin: not inside a word, but right after what only looks like one, as in text that was escaped
 * (`\n`, `\u001b`, `%20`) or coloured (`[32m`).
 */
const START = /(?:(?<![A-Za-z0-9_])|(?<=\\[nrtbf]|\\u[0-9a-fA-F]{4}|%[0-9A-F]{2}|\[[0-9;]{0,12}m))/.source
const starting = ({ flags, source }: RegExp) => new RegExp(START + source, flags)

/** What stands between a name and its value: a quote, possibly escaped, and `=` or `:`. */
const IS = /\\{0,3}["']?[ \t]{0,3}[:=][ \t]{0,3}/.source
const QUOTE = /\\{0,3}["']/.source
/** What is no secret but refers to one, is a type, or was replaced before. */
const REFERENCE =
  /(?!\[redacted:|process\.env|import\.meta|os\.environ|env:|file:|(?:string|undefined|null|true|false)\b)/.source

const PEM_HEAD = /-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----/.source
/** Up to the end, whatever is between: headers, line ends as escapes, line numbers. RSA of 8192 bits is 6,400 characters. */
const PEM_REST = /(?:-(?!-)|[^-]){0,20000}-----END [A-Z0-9 ]{1,60}-----/.source
/** Where the end is missing: the lines that look like a key. A header alone, in prose, is no key. */
const PEM_LINES = /(?:(?:\\{1,4}[nrt]|[\s0-9+|>"'→]){1,24}[A-Za-z0-9+/=]{24,}){1,400}/.source

/** Names of what is secret, as they stand before a value: with words before them or not, `client_secret`, `accessToken`. */
const PASSWORD = /(?:pass(?:word|wd|phrase)|pwd)/.source
const TOKEN =
  /(?:(?:client|app|shared|consumer|webhook)?[_-]?secret|(?:api|auth|access|secret|private|signing|encryption|master|account|shared_?access)[_-]?key|(?:access|refresh|auth|id|api|bearer|session|security|csrf|deploy|personal)?[_-]?(?:access[_-]?)?token)/
    .source
/** A digit or a sign somewhere in it: a word alone is a type, or an example. */
const MIXED = /(?=[A-Za-z_./+=~-]{0,200}[0-9!@#$%^&*?])/.source
const DIGIT = /(?=[A-Za-z_./+=~-]{0,200}[0-9])/.source

/** The name of a variable or a header that holds one: `MF-Proxy-Shared-Secret`. */
const NOT_A_NAME =
  /(?![A-Z][A-Za-z]{0,40}(?:[_-][A-Za-z]{1,40}){1,6}(?<=[Ss]ecret|SECRET|[Tt]oken|TOKEN|[Kk]ey|KEY)["'\\])/.source
const NOT_A_CALL = /(?![A-Za-z_$][\w.$]{0,100}\()/.source

const surrounded: ReadonlyArray<Rule> = [
  {
    name: "aws-secret",
    hints: ["ecret", "SECRET", "oken", "TOKEN"],
    pattern: new RegExp(
      `(?<before>(?:secret_?(?:access_?)?key|session_?token)${IS}(?:${QUOTE})?)` +
        "(?:[A-Za-z0-9/+]{40}|[A-Za-z0-9/+]{100,}={0,2})(?![A-Za-z0-9/+])",
      "gi"
    )
  },
  {
    name: "azure-key",
    hints: ["AccountKey=", "SharedAccessKey="],
    pattern: /(?<before>(?:AccountKey|SharedAccessKey)=)[A-Za-z0-9+/]{40,100}={0,2}/g
  },
  {
    name: "slack-webhook",
    hints: ["hooks.slack.com"],
    pattern: /(?<before>hooks\.slack\.com\/(?:services|workflows|triggers)\/)[A-Za-z0-9/]{20,}/g
  },
  {
    name: "discord-webhook",
    hints: ["/api/webhooks/"],
    pattern: /(?<before>discord(?:app)?\.com\/api\/webhooks\/\d{10,22}\/)[\w-]{40,}/g
  },
  // Kubernetes' client key, and other PEM in base64: `-----BEGIN ` is LS0tLS1CRUdJTi.
  {
    name: "private-key",
    hints: ["key-data"],
    pattern: /(?<before>client-key-data["']?:[ \t]{0,3}["']?)[A-Za-z0-9+/=]{40,}/g
  },
  { name: "jwt", hints: ["eyJ"], pattern: starting(/eyJ[\w-]{10,600}\.eyJ[\w-]{10,}\.[\w-]{10,}/g) },
  {
    name: "bearer",
    hints: ["earer ", "EARER ", "uthorization", "UTHORIZATION"],
    pattern: new RegExp(
      `(?<before>authorization${IS}["']?(?:bearer|basic|token)\\s{1,4})[\\w.~+/=-]{8,}` +
        `|${START}` +
        "(?<also>bearer\\s{1,4})(?=[A-Za-z._~+/=-]{0,200}[0-9])[\\w.~+/=-]{20,}",
      "gi"
    )
  },
  {
    name: "header-secret",
    hints: ["-key", "-Key", "-KEY", "-token", "-Token", "-TOKEN"],
    pattern: new RegExp(
      `${START}(?<before>(?:(?:x-)?(?:goog-)?api-key|x-(?:auth|vault|gitlab|amz-security)-token|private-token)` +
        `${IS}(?:${QUOTE})?)${REFERENCE}(?![$<{])${DIGIT}[\\w./+=~-]{12,}`,
      "gi"
    )
  },
  {
    name: "cookie",
    hints: ["ookie", "OOKIE"],
    pattern: new RegExp(
      `${START}(?<before>(?:set-)?cookie${IS}(?:${QUOTE})?)(?!\\[redacted:)[\\w.-]{1,100}=[^"'\\\\\\n\\r]{8,4000}`,
      "gi"
    )
  },
  {
    name: "url-credentials",
    hints: ["://"],
    pattern: /(?<before>:\/\/)[^\s/:@"'<>\\[]{0,128}:(?![$*{[<])[^\s/@"'<>\\]{1,256}(?<after>@)/g
  },
  {
    name: "url-parameter",
    hints: ["oken=", "key=", "KEY=", "sig=", "nature=", "secret=", "assword="],
    pattern: new RegExp(
      `(?<before>[?&](?:access_token|refresh_token|id_token|auth_token|token|api_?key|key|sig|signature|client_secret|password` +
        `|x-amz-signature|x-amz-security-token|x-goog-signature)=)${DIGIT}(?:[\\w.~+/-]|%[0-9a-f]{2}){12,}`,
      "gi"
    )
  },
  {
    name: "connection-string",
    hints: ["assword=", "wd=", "ASSWORD="],
    pattern: /(?<before>[;?&](?:password|pwd)=)(?![$<{*])[^;&\s"'\\]{4,256}/gi
  },
  {
    name: "command-line",
    hints: ["--p", "--t", "--s", "--a", "--c", "--i", "--m", "--r", "--u", "--w", " -u"],
    pattern: new RegExp(
      `(?<before>\\s--(?:${PASSWORD}|${TOKEN})(?:=|\\s{1,2})(?:${QUOTE})?)${REFERENCE}(?![-$<{])${MIXED}[^\\s"'\`\\\\;&|<>]{6,}` +
        `|(?<also>\\s(?:-u|--user)[= ]{1,2}(?:${QUOTE})?[\\w.@-]{1,100}:)(?![$<{\\d])${MIXED}[^\\s"'\`\\\\;&|<>/]{6,}`,
      "gi"
    )
  },
  {
    name: "netrc",
    hints: ["machine "],
    pattern:
      /(?<before>machine[ \t]{1,4}[\w.-]{1,200}\s{1,8}login[ \t]{1,4}\S{1,200}\s{1,8}password[ \t]{1,4})(?!\[redacted:)\S{4,}/g
  },
  {
    name: "npm-token",
    hints: ["_auth", "_password"],
    pattern: /(?<before>\/:_(?:authToken|auth|password)[ \t]{0,2}=[ \t]{0,2}["']?)(?!\[redacted:)(?![$<{])[^\s"']{8,}/g
  },
  {
    name: "env-secret",
    hints: ["TOKEN", "SECRET", "PASS", "_PWD", "KEY", "CREDENTIAL"],
    // Quoted, to the closing quote; else up to what ends a word of a shell.
    pattern: new RegExp(
      `(?<before>(?<![A-Z0-9_])[A-Z0-9_]*(?:TOKEN|SECRET(?:_KEY)?|PASSWORD|PASSWD|PASSPHRASE|_PASS|_PWD|CREDENTIALS?|API_?KEY` +
        `|(?:PRIVATE|ACCESS|SIGNING|ENCRYPTION|MASTER|AUTH|ACCOUNT|STORAGE|SERVICE)_?KEY)${IS})` +
        `(?:(?<quote>${QUOTE})${REFERENCE}${NOT_A_NAME}(?![$<{])[^"'\\\\\n]{6,}|${REFERENCE}${NOT_A_CALL}[^\\s"'\`\\\\,;&|<>(){}$[\\]][^\\s"'\`\\\\;&|<>]{5,})`,
      "g"
    )
  },
  {
    name: "labelled-secret",
    hints: ["assw", "assphrase", "pwd", "ecret", "oken", "_key", "-key", "Key", "apikey"],
    pattern: new RegExp(
      `${START}(?<before>(?:${PASSWORD}${IS}${QUOTE})${REFERENCE}(?=[^"'\\s\\\\]{6,200}${QUOTE}))${MIXED}[^"'\\s\\\\]{6,}` +
        `|${START}(?<also>${TOKEN}${IS}${QUOTE}${REFERENCE})${DIGIT}[\\w./+=~-]{12,}(?=${QUOTE})` +
        // A line of YAML.
        `|(?<line>^[ \\t-]{0,40}(?:[a-z]{1,20}[_-])?(?:${PASSWORD}|${TOKEN}):[ \\t]{1,4}${REFERENCE})${DIGIT}[\\w./+=~!@#$%^*-]{8,}(?=[ \\t]{0,8}$)`,
      "gim"
    )
  }
]

/** In the order they are tried: the particular before the general. */
export const rules: ReadonlyArray<Rule> = [
  { name: "private-key", hints: ["PRIVATE KEY"], pattern: new RegExp(`${PEM_HEAD}(?:${PEM_REST}|${PEM_LINES})`, "g") },
  ...tokens.map(([name, hints, shape]): Rule => ({ name, hints, pattern: starting(new RegExp(shape, "g")) })),
  ...surrounded
]

/** Whether a field of this name holds a secret, and of which sort: a password may be any text, a token has digits. */
export const secretField = (name: string): "password" | "token" | undefined => {
  if (name.length > 100) return undefined
  if (PASSWORD_FIELD.test(name)) return "password"
  return TOKEN_FIELD.test(name) ? "token" : undefined
}

/** Whether a variable of this name holds a secret. */
export const isSecretName = (name: string): boolean => secretField(name) !== undefined || ENV_NAME.test(name)
const ENV_NAME =
  /(?:TOKEN|SECRET(?:_KEY)?|PASSWORD|PASSWD|PASSPHRASE|_PASS|_PWD|CREDENTIALS?|API_?KEY|(?:PRIVATE|ACCESS|SIGNING|ENCRYPTION|MASTER|AUTH|ACCOUNT|STORAGE|SERVICE)_?KEY)$/

const PASSWORD_FIELD = new RegExp(`(?:^|[_-]|(?<=[a-z])(?=P))${PASSWORD}$`, "i")
const TOKEN_FIELD = new RegExp(`(?:^|[_-]|(?<=[a-z])(?=[A-Z]))(?:${TOKEN}|authorization|cookie|credentials?)$`, "i")

/** What is no secret but refers to one. */
export const isReference = (value: string) => REFERENCE_START.test(value)
const REFERENCE_START = new RegExp(`^(?!${REFERENCE})|^[$<{*]`)
