/**
 * An agent as a value: something that is asked and then prints. What it prints ends in the recorder, whichever it is: a
 * command's output, the messages of the Claude Agent SDK, or any stream of lines or objects.
 */
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Adapter } from "../agents/Adapter.ts"
import { adapterNamed, adapters, claude as claudeAdapter } from "../agents/index.ts"
import type { PlatformApi } from "../sync/Platform.ts"
import type { Ending } from "./Recorder.ts"

/** The agent could not be started, or broke off. `what` is a sentence. */
export class AgentFailed extends Schema.TaggedError<AgentFailed>()("AgentFailed", {
  agent: Schema.String,
  /** `start`: it never printed anything. `exit`: it ended badly, or broke off. `timeout`. `recording`: only where `strict`. */
  reason: Schema.Literal("start", "exit", "timeout", "recording"),
  what: Schema.String,
  /** The session's id: what was recorded until then is there. Undefined where nothing could be. */
  session: Schema.optional(Schema.String),
  cause: Schema.optional(Schema.Defect)
}) {
  override get message() {
    return `${this.agent}: ${this.what}`
  }
}

/** What it is given for one run. */
export interface Ask {
  /** What it is asked, where it is asked something. */
  readonly prompt: string | undefined
  readonly platform: PlatformApi
  /** Fires when the run is interrupted or its time is over. */
  readonly signal: AbortSignal
  /** A line of our own beside its output: a permission that was asked for or decided. */
  readonly note: (line: object) => void
}

/** Bytes are cut anywhere; a text or an object is one line. */
export type Output = Uint8Array | string | object

/** Something that is asked and then prints. `command`, `claude` and `fromStream` make one. */
export interface Agent {
  /** For people. */
  readonly name: string
  /** Whose output it is; told from its first lines where this is undefined. */
  readonly adapter: Adapter | undefined
  /** The command line, where there is one. */
  readonly command: ReadonlyArray<string>
  /** Begins one run. May throw; `ended` says how it went once `output` is over. */
  readonly start: (ask: Ask) => { readonly output: AsyncIterable<Output>; readonly ended: Promise<Ending> }
}

/** Whose output it is: the name of an adapter (`claude-code`, `codex`, …), or one of your own; its first lines tell where nothing is said. */
export type Whose = string | Adapter

/** A command that prints what it does. A prompt is written to its stdin. Throws a RangeError on an `agent` that is none. */
export const command = (
  line: ReadonlyArray<string>,
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>>; readonly agent?: Whose } = {}
): Agent => ({
  name: nameOf(options.agent) ?? line[0]?.split("/").at(-1) ?? "command",
  adapter: adapterOf(options.agent),
  command: line,
  start: ({ platform, prompt, signal }) => {
    if (platform.spawn === undefined) throw new Error("This platform starts no processes; use Agent.fromStream.")
    const child = platform.spawn({ command: line, cwd: options.cwd, env: options.env, input: prompt })
    signal.addEventListener("abort", child.kill, { once: true })
    return {
      output: child.stdout,
      ended: child.exited.then(
        ({ code, signal: by }): Ending => ({
          ok: code === 0,
          reason: by === undefined ? "exit" : "signal",
          ...(code === undefined ? {} : { exitCode: code }),
          ...(by === undefined ? {} : { signal: by })
        })
      )
    }
  }
})

/**
 * Any stream: of bytes, of lines, or of objects, which become JSON lines. Throws a RangeError on an `agent` that is none. Where the run is interrupted or its time is over, an Effect stream is
 * interrupted, a function hears it by `signal`, and an iterable alone is left at its next element.
 */
export const fromStream = <E>(
  stream: Stream.Stream<Output, E> | AsyncIterable<Output> | ((ask: Ask) => AsyncIterable<Output>),
  options: { readonly name?: string; readonly agent?: Whose } = {}
): Agent => ({
  name: options.name ?? nameOf(options.agent) ?? "stream",
  adapter: adapterOf(options.agent),
  command: [options.name ?? nameOf(options.agent) ?? "stream"],
  start: (ask) => {
    const source =
      typeof stream === "function" && !(Symbol.asyncIterator in stream) && !isStream(stream)
        ? (stream as (ask: Ask) => AsyncIterable<Output>)(ask)
        : isStream(stream)
          ? Stream.toAsyncIterableRuntime(
              Stream.interruptWhen(stream as Stream.Stream<Output, E>, aborted(ask.signal)),
              Runtime.defaultRuntime
            )
          : (stream as AsyncIterable<Output>)
    return ended(source, ask.signal)
  }
})

const nameOf = (agent: Whose | undefined) => (typeof agent === "object" ? agent.agentName : agent)

const adapterOf = (agent: Whose | undefined): Adapter | undefined => {
  if (typeof agent !== "string") return agent
  const found = adapterNamed(agent)
  if (found !== undefined) return found
  const names = adapters.map((one) => one.agent).join(", ")
  throw new RangeError(`No adapter is called ${agent}. There are ${names}; another agent's is given as an Adapter.`)
}

const aborted = (signal: AbortSignal) =>
  Effect.async<void>((resume) => {
    const stop = () => resume(Effect.void)
    if (signal.aborted) return stop()
    signal.addEventListener("abort", stop, { once: true })
    return Effect.sync(() => signal.removeEventListener("abort", stop))
  })

/** The options of `query` in `@anthropic-ai/claude-agent-sdk`, as far as we look at them; the rest passes through. */
export interface ClaudeOptions {
  readonly canUseTool?: (
    tool: string,
    input: Record<string, unknown>,
    ...rest: ReadonlyArray<never>
  ) => Promise<unknown>
  /** By event: `PreToolUse`, `Stop`, … */
  readonly hooks?: { readonly [event: string]: ReadonlyArray<ClaudeHooks> | undefined }
  readonly [option: string]: unknown
}

/** Functions that Claude calls on an event. */
export interface ClaudeHooks {
  /** Which tools, as a pattern; all where it is not given. */
  readonly matcher?: string
  readonly hooks: ReadonlyArray<ClaudeHook>
  /** Seconds. */
  readonly timeout?: number
  /** What Claude does where one throws; `continue` where it is not given. */
  readonly onFailure?: "continue" | "block"
}
/** A hook callback of the Claude Agent SDK; its arguments and answer pass through as they are. */
export type ClaudeHook = (...told: ReadonlyArray<never>) => Promise<unknown>

/** What we use of the package. Given in `sdk`, nothing is loaded. */
export interface ClaudeSdk {
  readonly query: (params: {
    readonly prompt: string
    readonly options?: Record<string, unknown>
  }) => AsyncIterable<unknown>
}

/**
 * The Claude Agent SDK, an optional peer: loaded when the agent is first asked. What `canUseTool` decides, and that a hook
 * of the caller's was called and what it answered, is in the audit; both answer Claude as if nobody listened.
 */
export const claude = (options: ClaudeOptions = {}, sdk?: ClaudeSdk): Agent => ({
  name: "Claude Code",
  adapter: claudeAdapter,
  command: ["claude"],
  start: (ask) => {
    const { prompt, signal } = ask
    if (prompt === undefined) throw new Error("Agent.claude is asked something: use query, or give a prompt.")
    const stop = new AbortController()
    signal.addEventListener("abort", () => stop.abort(), { once: true })
    const { canUseTool, hooks } = options
    const asked = {
      ...(canUseTool === undefined ? {} : { canUseTool: recordedDecisions(canUseTool, ask) }),
      ...(hooks === undefined ? {} : { hooks: recordedHooks(hooks, ask) })
    }
    return ended(claudeMessages(sdk, prompt, { ...options, ...asked, abortController: stop }), signal)
  }
})

async function* claudeMessages(sdk: ClaudeSdk | undefined, prompt: string, options: Record<string, unknown>) {
  const { query } = sdk ?? (await loadClaude())
  // The prompt is not among its messages.
  yield {
    type: "user",
    message: { role: "user", content: prompt },
    parent_tool_use_id: null,
    uuid: crypto.randomUUID()
  }
  for await (const message of query({ prompt, options })) {
    if (typeof message === "object" && message !== null) yield message
  }
}

const CLAUDE_SDK = "@anthropic-ai/claude-agent-sdk"

const loadClaude = async (): Promise<ClaudeSdk> => {
  // Named by a value, so that a bundle without it is whole.
  const name: string = CLAUDE_SDK
  const found: unknown = await import(name).catch((cause: unknown) => {
    throw new Error(`Agent.claude needs ${CLAUDE_SDK}: add it to your program.`, { cause })
  })
  if (typeof found === "object" && found !== null && "query" in found && typeof found.query === "function") {
    return found as ClaudeSdk
  }
  throw new Error(`This ${CLAUDE_SDK} has no query; version 0.1 or later is needed.`)
}

/** In the shape of Claude Code's own control messages, which its adapter reads. */
const recordedDecisions =
  (decide: NonNullable<ClaudeOptions["canUseTool"]>, { note }: Ask) =>
  async (tool: string, input: Record<string, unknown>, ...rest: ReadonlyArray<never>) => {
    const id = crypto.randomUUID()
    const request = { subtype: "can_use_tool", tool_name: tool, tool_use_id: callOf(rest[0]) ?? id, input }
    note({ type: "control_request", request_id: id, request })
    const decision = await decide(tool, input, ...rest)
    note({ type: "control_response", response: { subtype: "success", request_id: id, response: decision } })
    return decision
  }

/** In the shape of Claude Code's own words about hooks of its settings; it says none about functions. */
const recordedHooks = (hooks: NonNullable<ClaudeOptions["hooks"]>, ask: Ask) =>
  Object.fromEntries(
    Object.entries(hooks).map(([event, matchers]) => [
      event,
      matchers?.map((matcher) => ({ ...matcher, hooks: matcher.hooks.map((hook) => recordedHook(event, hook, ask)) }))
    ])
  )

const recordedHook =
  (event: string, hook: ClaudeHook, { note }: Ask): ClaudeHook =>
  async (...told) => {
    const about: { readonly session_id?: unknown; readonly tool_name?: unknown } = Object(told[0])
    const line = {
      type: "system",
      hook_id: crypto.randomUUID(),
      hook_name: typeof about.tool_name === "string" ? `${event}:${about.tool_name}` : event,
      hook_event: event,
      ...(typeof about.session_id === "string" ? { session_id: about.session_id } : {})
    }
    note({ ...line, subtype: "hook_started", uuid: crypto.randomUUID() })
    const answered = (outcome: "success" | "error", output: string) =>
      note({ ...line, subtype: "hook_response", outcome, output, uuid: crypto.randomUUID() })
    try {
      const answer = await hook(...told)
      answered("success", JSON.stringify(answer ?? {}))
      return answer
    } catch (error) {
      answered("error", error instanceof Error ? error.message : String(error))
      throw error
    }
  }

/** The id of the call, which later versions tell beside its input. */
const callOf = (context: unknown) =>
  typeof context === "object" && context !== null && "toolUseID" in context && typeof context.toolUseID === "string"
    ? context.toolUseID
    : undefined

const ended = (source: AsyncIterable<Output>, signal: AbortSignal) => {
  let end: (how: Ending) => void = () => {}
  const how = new Promise<Ending>((resolve) => {
    end = resolve
  })
  async function* output() {
    try {
      for await (const one of source) {
        if (signal.aborted) break
        yield one
      }
      end({ ok: !signal.aborted, reason: signal.aborted ? "interrupted" : "eof" })
    } catch (error) {
      end({ ok: false, reason: error instanceof Error ? error.message : String(error) })
      throw error
    }
  }
  return { output: output(), ended: how }
}

const isStream = (value: unknown): boolean =>
  (typeof value === "object" || typeof value === "function") && value !== null && Stream.StreamTypeId in value
