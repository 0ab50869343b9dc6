/** `result` records: a turn ended, with what it cost. Totals there grow over the process; a turn has the difference. */
import type { Figures } from "../../domain/AuditEvent.ts"
import { type Fields, listOf, numberOf, objectOf, stringOf, told } from "../Fields.ts"
import { settledEvents } from "./permission.ts"
import { type Events, newTurn, nothingSpent, type Reading, type State, type Totals } from "./State.ts"

export const turnEvents = (reading: Reading): Events => {
  const { key, record, stamp, state } = reading
  const settled = settledEvents(reading)
  const { error, interrupted, said } = state.turn
  state.turn = newTurn()
  state.usage.clear()
  const ok = record.is_error !== true
  const text = stringOf(record.result)
  const data = {
    ok: ok && interrupted === undefined,
    ...told({
      reason: interrupted === undefined ? reasonOf(record) : "interrupted",
      durationMs: numberOf(record.duration_ms)
    }),
    figures: figuresOf(record, state)
  }
  const message =
    text ??
    (listOf(record.errors)
      .filter((one) => typeof one === "string")
      .join("\n") ||
      reasonOf(record))
  const failure: Events =
    ok || interrupted !== undefined || message === undefined || message === error
      ? []
      : [
          {
            ...stamp(`${key}:error`),
            group: "audit",
            kind: "error",
            data: { what: numberOf(record.api_error_status) === undefined ? "agent" : "api", message }
          }
        ]
  // The answer is repeated here; only a command of Claude Code's own has it nowhere else.
  const answer: Events =
    ok && text !== undefined && text !== said
      ? [
          {
            ...stamp(`${key}:answer`),
            group: "chat",
            kind: "message",
            data: { role: "assistant", parts: [{ type: "text", text }] }
          }
        ]
      : []
  return [...settled, ...answer, ...failure, { ...stamp(key), group: "audit", kind: "turn_end", data }]
}

/** The output ended after an interrupt, without a result. */
export const cutTurn = (state: State): Events => {
  const { interrupted } = state.turn
  if (interrupted === undefined) return []
  state.turn = newTurn()
  const data = { ok: false, reason: "interrupted" }
  return [{ ...interrupted.stamp(`${interrupted.key}:end`), group: "audit", kind: "turn_end", data }]
}

/** Nothing where it went as it should. `subtype` is `success` even when the API failed. */
const reasonOf = (record: Fields) => {
  const subtype = stringOf(record.subtype)
  if (subtype !== undefined && subtype !== "success") return subtype
  if (record.is_error === true) return "error"
  const stop = stringOf(record.stop_reason)
  return stop === "end_turn" ? undefined : stop
}

/** `modelUsage` counts subagents and compactions, which `usage` leaves out; older versions have only `usage`. */
const figuresOf = (record: Fields, state: State): Figures => {
  const models = Object.values(objectOf(record.modelUsage) ?? {}).map(objectOf)
  const totals: Totals = {
    input: sum(models, "inputTokens"),
    output: sum(models, "outputTokens"),
    cacheRead: sum(models, "cacheReadInputTokens"),
    cacheWrite: sum(models, "cacheCreationInputTokens"),
    costUsd: numberOf(record.total_cost_usd) ?? 0
  }
  const before = totals.costUsd < state.spent.costUsd ? nothingSpent : state.spent
  state.spent = totals
  const since = (name: keyof Totals) => Math.max(0, totals[name] - before[name])
  const usage = objectOf(record.usage)
  const tokens =
    models.length > 0
      ? {
          input: since("input"),
          output: since("output"),
          cacheRead: since("cacheRead"),
          cacheWrite: since("cacheWrite")
        }
      : told({
          input: numberOf(usage?.input_tokens),
          output: numberOf(usage?.output_tokens),
          cacheRead: numberOf(usage?.cache_read_input_tokens),
          cacheWrite: numberOf(usage?.cache_creation_input_tokens)
        })
  return record.total_cost_usd === undefined ? tokens : { ...tokens, costUsd: dollars(since("costUsd")) }
}

const sum = (models: ReadonlyArray<Fields | undefined>, name: string) =>
  models.reduce((total, model) => total + (numberOf(model?.[name]) ?? 0), 0)

/** Without the noise of binary fractions: a millionth of a cent is far below any price. */
const dollars = (amount: number) => Math.round(amount * 1e8) / 1e8
