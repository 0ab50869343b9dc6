/**
 * How one agent's output becomes events: a line in, events out. An adapter does no I/O and has no clock; what
 * it must remember between lines lives in the `LineReader` of one run. It is total: whatever the line is,
 * the answer is events (at worst a note that holds the line), never an exception and never silence about lost text.
 */
import type { AgentEvent } from "../domain/AgentEvent.ts"

/** One line of output, without its line end. */
export interface Line {
  readonly text: string
  /** From 0, counted over the whole run. */
  readonly ordinal: number
  /** Milliseconds since 1970 when it arrived. */
  readonly at: number
}

/** What a line told about the session itself; later lines win. */
export interface About {
  /** The agent's own session id. */
  readonly session?: string
  /** For people, with `version` apart: `Claude Code`, `2.1.197`. */
  readonly agentName?: string
  readonly version?: string
  readonly model?: string
  readonly title?: string
  readonly cwd?: string
  readonly branch?: string
  readonly repository?: string
}

/** What lines came to. */
export interface Reading {
  readonly events: ReadonlyArray<AgentEvent>
  readonly about?: About
}

/** Reads one run, line by line. */
export interface LineReader {
  /** Lines in order, without their line ends. */
  readonly read: (line: Line) => Reading
  /** The output ended at `at`; what was held back comes out. */
  readonly end: (at: number) => Reading
}

/** An agent that can be read. */
export interface Adapter {
  /** Stable name, part of a session's identity: `claude-code`, `codex`, `jsonl`, `text`. */
  readonly agent: string
  /** For people. */
  readonly agentName: string
  /** The `source.format` of its events: `stream-json`, `jsonl`, `stdout`. */
  readonly format: string
  /** Whether output that begins with these lines is this agent's. */
  readonly recognizes: (lines: ReadonlyArray<string>) => boolean
  /** The prompt in a command line of this agent, where it can be told for sure. */
  readonly promptOf?: (command: ReadonlyArray<string>) => string | undefined
  /**
   * `run` is a UUID of this run, or a file's name without its ending: what keys are made of where the source has no
   * ids. `beside` is what is known of a file from outside it.
   */
  readonly open: (run: string, beside?: Beside) => LineReader
}

/** What an agent keeps beside a file: of a subagent's the call that started it, and what that was. */
export interface Beside {
  readonly call?: string
  readonly type?: string
  readonly description?: string
  /** The session that had the record with this id first, where the agent copied it into this file without a word. */
  readonly copiedFrom?: (id: string) => string | undefined
}
