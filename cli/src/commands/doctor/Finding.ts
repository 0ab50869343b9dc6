/** What a check of `doctor` found: good, or wrong with what puts it right. */
import type { Failure } from "../../Failure.ts"

type State = "ok" | "warning" | "error"

export interface Finding {
  readonly name: string
  readonly state: State
  readonly finding: string
  /** The command, or the change, that puts it right. */
  readonly fix?: string
}

export const ok = (name: string, finding: string): Finding => ({ name, state: "ok", finding })
export const warning = (name: string, finding: string, fix: string): Finding => ({
  name,
  state: "warning",
  finding,
  fix
})
export const error = (name: string, finding: string, fix: string): Finding => ({ name, state: "error", finding, fix })

/** A check that broke off is a finding too. */
export const failed = (name: string, failure: Failure): Finding => ({
  name,
  state: "error",
  finding: `${failure.what}${failure.now === undefined ? "" : ` ${failure.now}`}`,
  ...(failure.tries?.[0] === undefined ? {} : { fix: failure.tries[0].command })
})
