/**
 * The shapes of secrets that are known. A shape must cost time linear in the text, because the text is an agent's:
 * a pattern begins with a literal or at the start of a run, and what may repeat in it is bounded, or never overlaps
 * what follows. Each names hints, one of which must occur in the text before the pattern is tried at all.
 *
 * Agents' own ids (`toolu_`, `msg_`, `call_`, `req_`, UUIDs, hex hashes) have none of these shapes.
 */

export interface Rule {
  readonly name: string
  readonly hints: ReadonlyArray<string>
  /** What is found is replaced, except what the groups `before`, `also`, `quote` and `after` hold. */
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

/** In the order they are tried: the particular before the general. */
export const rules: ReadonlyArray<Rule> = [
  { name: "private-key", hints: ["PRIVATE KEY"], pattern: new RegExp(`${PEM_HEAD}(?:${PEM_REST}|${PEM_LINES})`, "g") },
  { name: "anthropic-key", hints: ["sk-ant-"], pattern: starting(/sk-ant-[\w-]{16,}/g) },
  {
    name: "openai-key",
    hints: ["sk-"],
    pattern: starting(/sk-(?:(?:proj|svcacct|admin|or-v1)-[\w-]{20,}|[A-Za-z0-9]{20,})/g)
  },
  {
    name: "github-token",
    hints: ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"],
    pattern: starting(/(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,})/g)
  },
  {
    name: "gitlab-token",
    hints: ["gl"],
    pattern: starting(/gl(?:pat|ptt|dt|rt|cbt|oas|soat|ft|imt|agent|ffct)-[\w-]{20,}/g)
  },
  { name: "aws-access-key", hints: ["AKIA", "ASIA"], pattern: starting(/A[KS]IA[A-Z0-9]{16}(?![A-Za-z0-9])/g) },
  {
    name: "aws-secret",
    hints: ["ecret", "SECRET", "oken", "TOKEN"],
    pattern: new RegExp(
      `(?<before>(?:secret_?(?:access_?)?key|session_?token)${IS}(?:${QUOTE})?)` +
        "(?:[A-Za-z0-9/+]{40}|[A-Za-z0-9/+]{100,}={0,2})(?![A-Za-z0-9/+])",
      "gi"
    )
  },
  { name: "google-api-key", hints: ["AIza"], pattern: starting(/AIza[\w-]{35}/g) },
  { name: "google-oauth", hints: ["ya29.", "GOCSPX-"], pattern: starting(/(?:ya29\.|GOCSPX-)[\w-]{20,}/g) },
  {
    name: "slack-token",
    hints: ["xox", "xapp-", "hooks.slack.com"],
    pattern: starting(
      /(?:(?:xox[abeoprs]|xapp)-[A-Za-z0-9-]{10,}|(?<before>hooks\.slack\.com\/services\/)[A-Za-z0-9/]{20,})/g
    )
  },
  {
    name: "stripe-key",
    hints: ["k_live_", "k_test_", "whsec_"],
    pattern: starting(/(?:[sr]k_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/=]{16,})/g)
  },
  { name: "npm-token", hints: ["npm_"], pattern: starting(/npm_[A-Za-z0-9]{36}(?![A-Za-z0-9])/g) },
  // The reader key. A recorder key (asw1…) opens nothing.
  { name: "agent-sync-key", hints: ["asr1"], pattern: starting(/asr1[a-z0-9]{32,}/g) },
  { name: "jwt", hints: ["eyJ"], pattern: starting(/eyJ[\w-]{10,600}\.eyJ[\w-]{10,}\.[\w-]{10,}/g) },
  {
    // Other services, told by their prefix.
    name: "service-token",
    hints: ["hf_", "SG.", "_v1_", "lin_api_", "pypi-AgE", "shp", "glsa_", "glc_", "AGE-SECRET-KEY-1"],
    pattern: new RegExp(
      `${START}(?:${[
        /(?:hf_|lin_api_)[A-Za-z0-9]{30,}/,
        /SG\.[\w-]{16,64}\.[\w-]{16,}/,
        /do[op]_v1_[a-f0-9]{40,}/,
        /pypi-AgE[\w-]{40,}/,
        /shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}/,
        /gl(?:sa|c)_[\w+/=]{32,}/,
        /AGE-SECRET-KEY-1[A-Z0-9]{40,}/
      ]
        .map(({ source }) => source)
        .join("|")})`,
      "g"
    )
  },
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
    name: "url-credentials",
    hints: ["://"],
    pattern: /(?<before>:\/\/)[^\s/:@"'<>\\[]{0,128}:(?![$*{[])[^\s/@"'<>\\]{1,256}(?<after>@)/g
  },
  {
    name: "env-secret",
    hints: ["TOKEN", "SECRET", "PASSWORD", "PASSWD", "API_KEY", "APIKEY", "PRIVATE_KEY", "ACCESS_KEY"],
    // Quoted, to the closing quote; else up to what ends a word of a shell.
    pattern: new RegExp(
      `(?<before>(?<![A-Z0-9_])[A-Z0-9_]*(?:TOKEN|SECRET(?:_KEY)?|PASSWORD|PASSWD|API_?KEY|PRIVATE_KEY|ACCESS_KEY)${IS})` +
        `(?:(?<quote>${QUOTE})${REFERENCE}(?![$<{])[^"'\\\\\n]{6,}|${REFERENCE}[^\\s"'\`\\\\,;&|<>(){}$[\\]][^\\s"'\`\\\\;&|<>]{5,})`,
      "g"
    )
  },
  {
    name: "labelled-secret",
    hints: ["assw", "ecret", "oken", "pi_key", "piKey", "pikey", "pi-key"],
    pattern: new RegExp(
      `${START}(?<before>(?:password|passwd|(?:client_?)?secret|api[_-]?key|(?:(?:access|refresh|auth|id)_?)?token)` +
        `${IS}${QUOTE})${REFERENCE}(?=[A-Za-z_./+=~-]{0,200}[0-9])[\\w./+=~-]{12,}(?=${QUOTE})`,
      "gi"
    )
  }
]
