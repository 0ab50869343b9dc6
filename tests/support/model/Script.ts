/**
 * What a scripted model says: for each prompt of a conversation one turn, for each of its requests one step. Nothing is
 * remembered between requests: prompts and rounds are counted in the request itself, so that a retry or a resumed session
 * gets the right step.
 */

export interface Step {
  readonly think?: string
  readonly say?: string
  /** A command, in whichever tool for it the agent offers. */
  readonly shell?: string
  readonly write?: { readonly path: string; readonly text: string }
  /** A call of the named tool, as it is. */
  readonly tool?: { readonly name: string; readonly input: Readonly<Record<string, unknown>> }
  /** The request fails with this status. */
  readonly error?: { readonly status: number; readonly message: string }
  /** What is said is followed by silence, until the agent hangs up. */
  readonly hang?: boolean
}

/** Of any prompt that holds `match`, such as a subagent's; else the prompt's position decides. */
export interface Matched {
  readonly match: string
  readonly steps: ReadonlyArray<Step>
}
export type Script = ReadonlyArray<ReadonlyArray<Step> | Matched>

/** Where a conversation stands. */
export interface Standing {
  readonly prompts: number
  /** Answers of tools since the last prompt. */
  readonly rounds: number
  readonly prompt: string
}

export interface Call {
  readonly id: string
  readonly name: string
  readonly input: Readonly<Record<string, unknown>>
}

/** The tools that a request offers: the names of their parameters. */
export type Tools = ReadonlyMap<string, ReadonlyArray<string>>

/** Characters of text in one event of a stream. */
const PIECE_CHARACTERS = 12

/** Requests without tools ask for a title or a summary. */
export const stepOf = (script: Script, { prompt, prompts, rounds }: Standing, tools: Tools): Step => {
  if (tools.size === 0) return { say: "Scripted title" }
  const named = script.find((turn): turn is Matched => "match" in turn && prompt.includes(turn.match))
  const plain = script.filter((turn): turn is ReadonlyArray<Step> => !("match" in turn))
  const turn = named?.steps ?? plain[Math.min(Math.max(prompts - 1, 0), plain.length - 1)] ?? []
  return turn[Math.min(rounds, turn.length - 1)] ?? { say: "ok" }
}

const SHELLS = ["Bash", "bash", "exec_command", "shell_command", "shell", "local_shell", "run_shell_command"]
const WRITERS = ["Write", "write", "write_file"]

/** A step's wishes as calls of tools that the agent offers. */
export const callsOf = (step: Step, tools: Tools, id: () => string): ReadonlyArray<Call> => {
  const calls: Array<Call> = []
  if (step.tool !== undefined) calls.push({ id: id(), ...step.tool })
  const shell = SHELLS.find((name) => tools.has(name))
  if (step.shell !== undefined && shell !== undefined) {
    const parameters = tools.get(shell)!
    const command = shell === "shell" ? ["bash", "-lc", step.shell] : step.shell
    const input = {
      [parameters.includes("cmd") ? "cmd" : "command"]: command,
      ...(parameters.includes("description") ? { description: "A scripted step" } : {})
    }
    calls.push({ id: id(), name: shell, input })
  }
  const writer = WRITERS.find((name) => tools.has(name))
  if (step.write !== undefined && writer !== undefined) {
    const path = tools.get(writer)!.find((name) => /path/i.test(name)) ?? "file_path"
    calls.push({ id: id(), name: writer, input: { [path]: step.write.path, content: step.write.text } })
  }
  return calls
}

export const pieces = (text: string): ReadonlyArray<string> => {
  const characters = [...text]
  return Array.from({ length: Math.ceil(characters.length / PIECE_CHARACTERS) }, (_, n) =>
    characters.slice(n * PIECE_CHARACTERS, (n + 1) * PIECE_CHARACTERS).join("")
  )
}

/** The names of a JSON Schema's properties. */
export const parametersOf = (schema: unknown): ReadonlyArray<string> =>
  Object.keys((schema as { readonly properties?: object } | undefined)?.properties ?? {})
