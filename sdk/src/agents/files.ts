/**
 * Files that hold a session, and whose one is: those that agents write themselves, and output that somebody kept. A new
 * agent's is a line here.
 */
import type { Adapter } from "./Adapter.ts"
import { claude } from "./claude.ts"
import { claudeTranscript } from "./claudeTranscript.ts"
import { codex } from "./codex.ts"
import { codexRollout } from "./codexRollout.ts"
import { gemini } from "./gemini.ts"
import { geminiChat } from "./geminiChat.ts"
import { opencode } from "./opencode.ts"
import { opencodeStore } from "./opencodeStore.ts"

/** What agents write themselves. */
export const fileAdapters: ReadonlyArray<Adapter> = [claudeTranscript, codexRollout, geminiChat, opencodeStore]
/** What they print. */
const printed: ReadonlyArray<Adapter> = [claude, codex, gemini, opencode]

/** Whose file begins with these lines; undefined where nobody's. */
export const fileAdapterOf = (lines: ReadonlyArray<string>): Adapter | undefined =>
  [...fileAdapters, ...printed].find((adapter) => adapter.recognizes(lines))
