/** What the driver says to the process that started it: a line of JSON behind a mark, as the tests may print too. */

export const MARK = "\u0001mutants "
/** Milliseconds, beside a multiple of its usual time, after which a test will not come to an end any more. */
export const NEVER_MS = 20_000

/** The file of the copy in which the first driver says how the tests do without a mutant, one after the other. */
export const BASE = "mutants-base.json"

export interface Base {
  readonly file: string
  readonly ms: number
  /** How often the test runs the place of each mutant, by its id. */
  readonly runs: ReadonlyArray<readonly [id: number, count: number]>
}

export type Said =
  /** Mutants whose place is run by loading alone. */
  | { readonly loaded: ReadonlyArray<number> }
  /** A test fails without any mutant. */
  | { readonly broken: string }
  /** A mutant was tried; what failed, if something did. */
  | { readonly id: number; readonly file?: string; readonly test?: string }
  /** The mutant left something behind that makes tests fail without it: this process is of no more use. */
  | { readonly spoiled: number }
  /** It is alive. */
  | Record<string, never>
