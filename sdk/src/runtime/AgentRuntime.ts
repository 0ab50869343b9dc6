/**
 * Runs agents and records what they do: for programs. An agent is given as a value (`Agent`), everything it prints goes
 * through the one `Recorder` into the journal, and from there to the stores and the hubs. The agent never waits for a
 * hub; a journal that cannot be written fails a run only where `strict` was said.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import type { AgentEvent } from "../domain/AgentEvent.ts"
import type { Session } from "../domain/Session.ts"
import { ArtifactStore } from "../stores/ArtifactStore.ts"
import { AuditEventStore } from "../stores/AuditEventStore.ts"
import { ChatHistoryStore } from "../stores/ChatHistoryStore.ts"
import type { Replica } from "../stores/Replica.ts"
import { StorageConfig } from "../stores/StorageConfig.ts"
import * as Programs from "../stores/Workspace.ts"
import { liveTimers } from "../sync/Link.ts"
import { Platform } from "../sync/Platform.ts"
import { SyncService } from "../sync/SyncService.ts"
import { type Agent, AgentFailed, type Output } from "./Agent.ts"
import { type Ending, makeRecorder, type Recorded, type Recorder } from "./Recorder.ts"

/** How one run goes; all of it may be left out. */
export interface RunOptions {
  /** What the agent is asked: `Agent.command` writes it to stdin, `Agent.claude` needs one. */
  readonly prompt?: string
  /** The agent is stopped after so long, and the session recorded as such. */
  readonly timeout?: Duration.DurationInput
  /** Where it runs, for readers. */
  readonly cwd?: string
}

/** How a run went. */
export interface Outcome {
  /** The session's id, by which `tail --session` finds it. */
  readonly session: string
  /** The adapter that read its output: `claude-code`, `codex`, …, `text`. */
  readonly agent: string
  /** Exit code 0, or a stream that ended by itself. */
  readonly ok: boolean
  /** `exit`, `signal`, `eof`, or why it broke off. */
  readonly reason: string
  /** Of a command that was not ended by a signal. */
  readonly exitCode: number | undefined
  /** The agent's last message, whole; empty where its output has none, as plain text, which is recorded as notes. */
  readonly text: string
  /** Events that were recorded. */
  readonly events: number
  /** Events that could not be written down. */
  readonly lost: number
  /** Title, state, figures, counts. */
  readonly view: Session
}

export interface RuntimeApi {
  /** Runs an agent to its end. A bad end is an outcome with `ok: false`. */
  readonly run: (agent: Agent, options?: RunOptions) => Effect.Effect<Outcome, AgentFailed>
  /** Asks, and answers how it went; fails where the agent did. */
  readonly query: (agent: Agent, prompt: string, options?: RunOptions) => Effect.Effect<Outcome, AgentFailed>
  /** The events of a run as they are recorded. Ending the stream stops the agent. */
  readonly stream: (agent: Agent, options?: RunOptions) => Stream.Stream<AgentEvent, AgentFailed>
}

/** Where a program writes and what it reads; see `SyncOptions` for the hub. All of it may be left out. */
export interface RuntimeOptions extends Programs.ProgramOptions {
  /** A journal that cannot be written fails the run. Without it the agent works on, and the status tells. */
  readonly strict?: boolean
}

type Provided =
  | AgentRuntime
  | ChatHistoryStore
  | ArtifactStore
  | AuditEventStore
  | SyncService
  | Replica
  | Programs.Workspace

/** Runs and records agents; see `RuntimeApi`. Its layers bring the stores and `SyncService` with them. */
export class AgentRuntime extends Context.Tag("agent-sync/AgentRuntime")<AgentRuntime, RuntimeApi>() {
  /** Runtime, the three stores and `SyncService`, wired once. Built without waiting for the hub. */
  static readonly layerWithRemoteSync = (options: RuntimeOptions): Layer.Layer<Provided, Programs.OpenFailed> =>
    withStores(options)
  /** On this machine only. */
  static readonly layer = (
    options: Omit<RuntimeOptions, "url" | "remotes"> = {}
  ): Layer.Layer<Provided, Programs.OpenFailed> => withStores({ ...options, enabled: false })
  /** Nothing is kept beyond the program. */
  static readonly layerMemory = (options: RuntimeOptions = {}): Layer.Layer<Provided, Programs.OpenFailed> =>
    Layer.provide(withStores(options), StorageConfig.layerMemory)
  /** As `agent-sync.json` and the environment say, by the rules of the command line. Without a name: the preset it would take. */
  static readonly layerFromPreset = (
    name?: string,
    options: RuntimeOptions = {}
  ): Layer.Layer<Provided, Programs.OpenFailed> =>
    Layer.unwrapEffect(
      Effect.map(
        Effect.flatMap(Platform, ({ preset }) => preset(name)),
        (preset) => withStores({ ...(preset as Programs.ProgramOptions), ...options })
      )
    )
}

const withStores = ({ strict = false, ...options }: RuntimeOptions) =>
  Layer.mergeAll(
    Layer.effect(AgentRuntime, make(strict)),
    ChatHistoryStore.layer,
    ArtifactStore.layer,
    AuditEventStore.layer
  ).pipe(Layer.provideMerge(Programs.layer(options)))

const make = (strict: boolean) =>
  Effect.gen(function* () {
    const { journal, redaction } = yield* Programs.Workspace
    const platform = yield* Platform
    const sync = yield* SyncService

    /** One run; `onEvents` hears what is recorded. */
    const record = (agent: Agent, options: RunOptions, onEvents: (events: ReadonlyArray<AgentEvent>) => void) =>
      Effect.async<Outcome, AgentFailed>((resume) => {
        const stop = new AbortController()
        let text = ""
        let failed: Pick<AgentFailed, "reason" | "what" | "cause"> | undefined
        let printed = false
        const recorder = makeRecorder({
          journal,
          run: crypto.randomUUID(),
          about: {
            ...(platform.host === undefined ? {} : { host: platform.host }),
            ...(options.cwd === undefined ? {} : { cwd: options.cwd })
          },
          command: agent.command,
          ...(agent.adapter === undefined ? {} : { adapter: agent.adapter }),
          redaction,
          timers: liveTimers,
          wall: Date.now,
          onEvents: (events) => {
            for (const event of events) text = saidIn(event) ?? text
            onEvents(events)
          },
          onTrouble: ({ message }) => {
            if (!strict) return sync.trouble(message)
            failed ??= { reason: "recording", what: message }
            stop.abort()
            // Not inside of a call of the recorder's own.
            queueMicrotask(() => finish({ ok: false, reason: "recording" }))
          }
        })
        let over = false
        const finish = (how: Ending) => {
          if (over) return
          over = true
          clearTimeout(clock)
          recorder.end(how)
          const recorded = recorder.recorded()
          resume(
            failed === undefined
              ? Effect.succeed(outcomeOf(recorded, how, text))
              : new AgentFailed({ agent: agent.name, ...sessionOf(recorded), ...failed })
          )
        }
        const clock =
          options.timeout === undefined
            ? undefined
            : setTimeout(() => {
                const after = Duration.format(Duration.decode(options.timeout!))
                failed ??= { reason: "timeout", what: `It took longer than ${after}.` }
                stop.abort()
                finish({ ok: false, reason: "timeout" })
              }, Duration.toMillis(options.timeout))
        // A fiber of its own would be one hand more; the agent's output is plain iteration.
        const push = (bytes: Uint8Array) => {
          printed = true
          recorder.push(bytes)
        }
        void drive(agent, options, push, platform, stop.signal).then(finish, (cause: unknown) => {
          const what = cause instanceof Error ? cause.message : String(cause)
          failed ??= { reason: printed ? "exit" : "start", what, cause }
          finish({ ok: false, reason: what })
        })
        return Effect.sync(() => {
          stop.abort()
          finish({ ok: false, reason: "interrupted" })
        })
      })

    const told = ({ lost, session }: Outcome) =>
      Effect.sync(() => {
        if (lost > 0) sync.trouble(`${lost} events of session ${session} were not recorded.`)
      })

    const run: RuntimeApi["run"] = (agent, options = {}) =>
      Effect.tap(
        record(agent, options, () => {}),
        told
      )
    return {
      run,
      query: (agent, prompt, options = {}) =>
        Effect.flatMap(run(agent, { ...options, prompt }), (outcome) =>
          outcome.ok
            ? Effect.succeed(outcome)
            : new AgentFailed({
                agent: agent.name,
                reason: "exit",
                what: `It ended badly: ${endOf(outcome)}.`,
                session: outcome.session
              })
        ),
      stream: (agent, options = {}) =>
        Stream.asyncPush<AgentEvent, AgentFailed>(
          (emit) =>
            record(agent, options, (events) => {
              for (const event of events) emit.single(event)
            }).pipe(
              Effect.onExit((exit) =>
                Effect.sync(() => {
                  if (Exit.isSuccess(exit)) emit.end()
                  else emit.halt(exit.cause)
                })
              ),
              Effect.forkScoped
            ),
          { bufferSize: "unbounded" }
        )
    } satisfies RuntimeApi
  })

const sessionOf = ({ session }: Recorded) => (session === undefined ? {} : { session })

const endOf = ({ exitCode, reason }: Outcome) => (exitCode === undefined ? reason : `${reason} ${exitCode}`)

/** Hands the recorder what the agent prints, to its end. Rejects where it could not start or broke off. */
const drive = async (
  agent: Agent,
  { prompt }: RunOptions,
  push: Recorder["push"],
  platform: Platform["Type"],
  signal: AbortSignal
): Promise<Ending> => {
  const { ended, output } = agent.start({
    prompt,
    platform,
    signal,
    note: (line) => {
      if (!signal.aborted) push(bytesOf(line))
    }
  })
  for await (const one of output) {
    // The session has ended already.
    if (signal.aborted) break
    push(bytesOf(one))
  }
  return ended
}

const encoder = new TextEncoder()
const bytesOf = (one: Output): Uint8Array =>
  one instanceof Uint8Array
    ? one
    : encoder.encode(typeof one === "string" ? (one.endsWith("\n") ? one : `${one}\n`) : `${JSON.stringify(one)}\n`)

const saidIn = (event: AgentEvent): string | undefined => {
  if (event.kind !== "message" || event.data.role !== "assistant" || event.parent !== undefined) return undefined
  const texts = event.data.parts.flatMap((part) => (part.type === "text" ? [part.text] : []))
  return texts.length === 0 ? undefined : texts.join("\n")
}

const outcomeOf = ({ agent, events, lost, session, view }: Recorded, how: Ending, text: string): Outcome => ({
  session: session ?? "",
  agent: agent ?? "text",
  ok: how.ok,
  reason: how.reason,
  exitCode: how.exitCode,
  text,
  events,
  lost,
  view
})
