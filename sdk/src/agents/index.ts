/** The agents we can read, and whose output it is. A new agent is a file and a line here; order matters, most particular first. */
import type { Adapter } from "./Adapter.ts"
import { claude } from "./claude.ts"
import { codex } from "./codex.ts"
import { gemini } from "./gemini.ts"
import { jsonl } from "./jsonl.ts"
import { opencode } from "./opencode.ts"
import { text } from "./text.ts"

export type { About, Adapter, Beside, Line, LineReader, Reading } from "./Adapter.ts"
export { claudeHook } from "./claude/hook.ts"
export { fileAdapterOf, fileAdapters } from "./files.ts"
export { type AgentHome, agentHomes } from "./homes.ts"
export { type Lines, makeLines } from "./Lines.ts"
export { makeRedactor, type Redacted, type RedactionOptions, type Redactor, ruleNames } from "./Redaction.ts"
export { ENVIRONMENT, type Redaction, RedactSection, redactionOf } from "./RedactSection.ts"
export { isSecretName } from "./secrets.ts"
export { claude, codex, gemini, jsonl, opencode, text }

export const adapters: ReadonlyArray<Adapter> = [claude, codex, gemini, opencode, jsonl, text]

/** Whose output begins with these lines; asked again with more of them, the answer may change. */
export const detect = (lines: ReadonlyArray<string>): Adapter =>
  adapters.find((adapter) => adapter.recognizes(lines)) ?? text

/** By its stable name, the adapter's `agent`. */
export const adapterNamed = (agent: string): Adapter | undefined => adapters.find((adapter) => adapter.agent === agent)
