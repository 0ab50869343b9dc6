/**
 * A prompt and its turn may be told twice: by the run that was given it on its command line or printed it, and by the agent's
 * own file, which somebody else may follow; and so may why a turn failed. What a run writes of them it writes unless the file
 * was first.
 */
import type { AgentEvent } from "../domain/AgentEvent.ts"
import type { Unless } from "../journal/Journal.ts"
import { failureIn, isApart, promptIn, turnMarks, twiceUnless } from "./twice.ts"

export interface Prompted {
  /** What has to be asked as this event is written; undefined where only a run tells of it. */
  readonly unlessOf: (event: AgentEvent) => Unless | undefined
}

export interface PromptedOptions {
  /** Keys of what is told from the command line: the prompt and its turn. */
  readonly asked: string
  readonly askedTurn: string
  /** The adapter's `agent`, once it is known. */
  readonly agent: () => string | undefined
  /** Milliseconds since 1970: now, and when the run began. */
  readonly wall: () => number
  readonly began: number
}

export const makePrompted = ({ agent, asked, askedTurn, began, wall }: PromptedOptions): Prompted => {
  /** Of the prompt on the command line: its turn may be printed as well. */
  let ofAsked: Unless | undefined
  /** Of a prompt that the agent printed: its turn comes next. */
  let ofPrinted: Unless | undefined
  /** Of an error that the agent printed: its turn ends next. */
  let failed: string | undefined
  const isOfApart = () => isApart(agent() ?? "")
  return {
    unlessOf: (event) => {
      const isAsked = event.key === asked
      const text = isAsked || isOfApart() ? promptIn(event) : undefined
      if (text !== undefined) {
        const its = twiceUnless("prompt", "run", text, wall())
        if (isAsked) ofAsked = its
        else ofPrinted = its
        return its
      }
      const failure = isOfApart() ? failureIn(event) : undefined
      if (failure !== undefined) {
        failed = failure
        return twiceUnless("error", "run", failure, wall())
      }
      if (event.kind === "turn_end") {
        const why = failed
        failed = undefined
        return why === undefined ? undefined : twiceUnless("end", "run", why, wall())
      }
      if (event.kind !== "turn_start") return undefined
      // Codex prints that its first turn began; its file tells that before it tells the prompt.
      if (event.key === askedTurn && ofAsked !== undefined)
        return isOfApart() ? { ...ofAsked, told: [...ofAsked.told, ...turnMarks(wall(), began)] } : ofAsked
      const its = ofPrinted
      ofPrinted = undefined
      return its
    }
  }
}
