/** Why some mutants may live: `explained.jsonc`, read by people and matched by text, so that lines may move. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { parse } from "jsonc-parser"
import type { Mutant } from "./instrument.ts"

export interface Explanation {
  readonly file: string
  /** The line on which the mutant begins, without the space around it. */
  readonly line: string
  /** What stands there in the mutant, in one line. */
  readonly becomes: ReadonlyArray<string>
  readonly because: string
}

export const readExplained = (): ReadonlyArray<Explanation> => {
  const files = parse(readFileSync(join(import.meta.dir, "explained.jsonc"), "utf8")) as Record<
    string,
    ReadonlyArray<Omit<Explanation, "file">>
  >
  return Object.entries(files).flatMap(([file, explanations]) =>
    explanations.map((explanation) => ({ file, ...explanation }))
  )
}

export const explains = (explanation: Explanation, { after, before, file }: Mutant): boolean =>
  explanation.file === file && explanation.line === before && explanation.becomes.includes(after)
