/** What was found of each log, written to stdout: for a person, or as an object a line. */
import type { CannotVerify, Finding, Report } from "agent-sync"
import * as Either from "effect/Either"
import { EXIT } from "../../Failure.ts"
import { paintFor } from "../../paint.ts"
import { clean, cut, plural } from "../../Terminal.ts"
import { sentenceOf } from "./sentences.ts"

/** One log, examined or not. */
export interface Verdict {
  readonly kind: "index" | "session" | "file"
  readonly log: string
  /** The index that tells of a session. */
  readonly index?: string
  /** When the keys were changed after it, where they were: ISO 8601. */
  readonly until?: string
  /** As the agent calls it; of a session. */
  readonly session?: string
  readonly name: string
  readonly title?: string
  /** Hosts of its writers, by the hex of their ids. */
  readonly by: (writer: string) => string
  readonly outcome: Either.Either<Report, Pick<CannotVerify, "reason" | "what">>
}

/** Writes the report to stdout; answers the exit code. */
export const teller =
  (
    input: { readonly session: string | undefined; readonly json: boolean },
    where: string,
    verdicts: ReadonlyArray<Verdict>
  ) =>
  () => {
    const findings = (verdict: Verdict): ReadonlyArray<Finding> =>
      Either.isRight(verdict.outcome) ? verdict.outcome.right.findings : []
    const broken = verdicts.filter((verdict) => findings(verdict).length > 0).length
    const unread = verdicts.filter(({ outcome }) => Either.isLeft(outcome)).length
    const code = broken > 0 || (input.session !== undefined && unread > 0) ? EXIT.failure : EXIT.ok
    if (input.json) {
      for (const verdict of verdicts) process.stdout.write(`${JSON.stringify(objectOf(verdict))}\n`)
      return code
    }
    const paint = paintFor(process.stdout)
    const width = Math.min(32, Math.max(...verdicts.map(({ name }) => name.length)))
    const lines: Array<string> = []
    for (const verdict of verdicts) {
      const wrong = findings(verdict)
      const mark = Either.isLeft(verdict.outcome)
        ? paint.dim("–")
        : wrong.length === 0
          ? paint.green("✓")
          : paint.red("✗")
      lines.push(`${mark} ${cut(verdict.name, width).padEnd(width)}  ${summaryOf(verdict)}`)
      for (const finding of wrong) lines.push(`    ${sentenceOf(finding, verdict.by)}`)
    }
    const holds = verdicts.length - broken - unread
    const counts = [
      ...(holds > 0 ? [`${plural(holds, "log")} ${holds === 1 ? "holds" : "hold"}`] : []),
      ...(broken > 0 ? [`${broken} ${broken === 1 ? "does" : "do"} not`] : []),
      ...(unread > 0 ? [`${unread} could not be read`] : [])
    ]
    lines.push("", `${clean(where)}: ${counts.join(", ")}.`)
    process.stdout.write(`${lines.join("\n")}\n`)
    return code
  }

export const summaryOf = ({ by, kind, outcome, until }: Verdict) => {
  if (Either.isLeft(outcome)) return clean(outcome.left.what)
  const { entries, writers } = outcome.right
  const hosts = [...new Set(writers.map(({ writer }) => by(writer)))].join(", ")
  // Which of the tenant's keys it was recorded under, where there were several.
  const under = until === undefined ? "" : `, under the key before ${until.slice(0, 16).replace("T", " ")}`
  const count = `${plural(entries, "entry", "entries")}${hosts === "" ? "" : ` by ${hosts}`}${under}`
  if (kind === "index") return count
  const open = writers.reduce(
    (sum, { entries: theirs, forgot, letGo, signed }) => sum + Math.max(0, theirs + forgot + letGo - signed),
    0
  )
  const gone = writers.reduce((sum, { forgot }) => sum + forgot, 0)
  const kept = gone === 0 ? "" : `, ${gone} more are at the hub alone`
  const letGo = writers
    .filter((one) => one.letGo > 0)
    .map((one) => `, ${one.letGo} let go of under ${by(one.writer)}'s signed snapshot`)
    .join("")
  return `${count}${kept}${letGo}, ${open === 0 ? "signed to the end" : `the last ${open} not signed yet`}`
}

export const objectOf = ({ by, index, kind, log, outcome, session, title, until }: Verdict) => ({
  schema: 1,
  kind,
  log,
  ...(index === undefined ? {} : { index }),
  ...(until === undefined ? {} : { until }),
  ...(session === undefined ? {} : { session }),
  ...(title === undefined ? {} : { title }),
  ...Either.match(outcome, {
    onLeft: ({ reason, what }) => ({ unread: { reason, what } }),
    onRight: ({ entries, findings, seen, writers }) => ({
      entries,
      ok: findings.length === 0,
      writers: writers.map((writer) => ({ ...writer, host: by(writer.writer) })),
      findings: findings.map((finding) => {
        const { _tag: found, ...rest } = finding
        return { found, ...rest, ...("why" in rest ? { why: rest.why.reason } : {}), text: sentenceOf(finding, by) }
      }),
      seen
    })
  })
})
