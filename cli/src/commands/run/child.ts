/**
 * The agent as a child process whose stdout is read on its way through. What reads along sees each chunk after it was
 * written out, and cannot hold it up: it works from a queue, and only a queue that has grown very long slows the pipe.
 */
import { closeSync, openSync } from "node:fs"
import { constants } from "node:os"
import { isNamed } from "../../files.ts"

export interface How {
  /** The exit code for our own process. */
  readonly code: number
  readonly ending: {
    readonly ok: boolean
    readonly reason: string
    readonly exitCode?: number
    readonly signal?: string
  }
}

export interface Child {
  /** Runs to the end; `listen` gets a copy of everything that passes. */
  readonly run: (listen: (bytes: Uint8Array) => void) => Promise<How>
}

/** Bytes that may wait to be recorded before the pipe is held up. */
const QUEUE_BYTES = 64 * 1024 * 1024
/**
 * Milliseconds for which stdout may stay silent once the agent has ended: what it left running in the background may
 * hold the pipe for ever, and is not waited for.
 */
const LEFTOVER_MS = 500
/** Milliseconds that a pipe into us has to end by itself after a signal. */
const PIPE_END_MS = 500

/** Signals that end or steer a program and that we are only a bystander to. */
const FORWARDED = ["SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"] as const
/** Those of them that end one. */
const ENDING: ReadonlySet<string> = new Set(["SIGTERM", "SIGHUP", "SIGQUIT"])

/** `around`: variables that the agent gets beside our own. */
export const spawn = (command: ReadonlyArray<string>, around: Readonly<Record<string, string>> = {}): Child => ({
  run: async (listen) => {
    let child: Bun.Subprocess<"inherit", "pipe", "inherit">
    try {
      child = Bun.spawn([...command], {
        stdin: "inherit",
        stdout: "pipe",
        stderr: "inherit",
        env: { ...process.env, ...around }
      })
    } catch (error) {
      return notStarted(command[0]!, error)
    }
    // On a terminal Ctrl-C reaches the agent by itself, as part of our process group; a second one would mean "now".
    let told: string | undefined
    const stop = onSignals(hasTerminal() ? FORWARDED : [...FORWARDED, "SIGINT"], (signal) => {
      if (ENDING.has(signal)) told = signal
      child.kill(signal)
    })
    const stay = hasTerminal() ? onSignals(["SIGINT"], () => {}) : () => {}
    const passing = pass(child.stdout, listen)
    await child.exited
    await passing.ended(LEFTOVER_MS)
    stop()
    stay()
    return howOf(child, told)
  }
})

/** Runs it with our terminal as its own; Ctrl-C reaches it by itself. */
export const inTerminal = async (command: ReadonlyArray<string>): Promise<How> => {
  let child: Bun.Subprocess<"inherit", "inherit", "inherit">
  try {
    child = Bun.spawn([...command], { stdin: "inherit", stdout: "inherit", stderr: "inherit" })
  } catch (error) {
    return notStarted(command[0]!, error)
  }
  let told: string | undefined
  const stop = onSignals(FORWARDED, (signal) => {
    if (ENDING.has(signal)) told = signal
    child.kill(signal)
  })
  const stay = onSignals(["SIGINT"], () => {})
  await child.exited
  stop()
  stay()
  return howOf(child, told)
}

/** `cmd | agent-sync run -`: our stdin is the agent's output. */
export const stdinAsChild = (): Child => ({
  run: async (listen) => {
    const passing = pass(Bun.stdin.stream(), listen)
    let by: NodeJS.Signals | undefined
    // The agent stands before us in the pipe and hears the same Ctrl-C: its last words are waited for, a little.
    const stop = onSignals(["SIGINT", "SIGTERM", "SIGHUP"], (signal) => {
      by = signal
      void passing.ended(PIPE_END_MS)
    })
    await passing.done
    stop()
    if (by === undefined) return { code: 0, ending: { ok: true, reason: "eof" } }
    return { code: 128 + constants.signals[by], ending: { ok: false, reason: "signal", signal: by } }
  }
})

/** How a child ended, as a shell reports it. `told`: the signal that we passed on, after which code 0 is no success. */
const howOf = ({ exitCode, signalCode }: Pick<Bun.Subprocess, "exitCode" | "signalCode">, told?: string): How => {
  if (signalCode !== null) {
    const [signal, number] = Object.entries(constants.signals).find((known) => known.includes(signalCode)) ?? ["?", 0]
    return { code: 128 + number, ending: { ok: false, reason: "signal", signal } }
  }
  const code = exitCode ?? 1
  if (code === 0 && told !== undefined) {
    return { code, ending: { ok: false, reason: "signal", signal: told, exitCode: code } }
  }
  return { code, ending: { ok: code === 0, reason: "exit", exitCode: code } }
}

const notStarted = (name: string, error: unknown): How => {
  const missing = isNamed(error, "ENOENT")
  process.stderr.write(`agent-sync: ${name}: ${missing ? "command not found" : "cannot be executed"}\n`)
  const code = missing ? 127 : 126
  return { code, ending: { ok: false, reason: "not started", exitCode: code } }
}

/** Whether we belong to a terminal, whatever our stdin, stdout and stderr are. */
const hasTerminal = () => {
  try {
    closeSync(openSync("/dev/tty", "r"))
    return true
  } catch {
    return false
  }
}

const onSignals = (signals: ReadonlyArray<NodeJS.Signals>, act: (signal: NodeJS.Signals) => void) => {
  const handlers = signals.map((signal) => [signal, () => act(signal)] as const)
  for (const [signal, handler] of handlers) process.on(signal, handler)
  return () => {
    for (const [signal, handler] of handlers) process.off(signal, handler)
  }
}

interface Passing {
  readonly done: Promise<void>
  /** Ends it where nothing comes for so many milliseconds; what has come is passed and listened to. */
  readonly ended: (silentMs: number) => Promise<void>
}

/** Copies a stream to stdout and shows every chunk to `listen`, in order, a little later. */
const pass = (from: ReadableStream<Uint8Array>, listen: (bytes: Uint8Array) => void): Passing => {
  const queue: Array<Uint8Array> = []
  let queued = 0
  let turn: Promise<void> | undefined
  let heard = 0
  const work = async () => {
    while (queue.length > 0) {
      // Between chunks the pipe gets its turn.
      await new Promise((resolve) => setImmediate(resolve))
      const bytes = queue.shift()!
      queued -= bytes.byteLength
      listen(bytes)
    }
    turn = undefined
  }
  const out = Bun.stdout.writer()
  const reader = from.getReader()
  const run = async () => {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      heard++
      queue.push(value.slice())
      queued += value.byteLength
      turn ??= work()
      try {
        out.write(value)
        await out.flush()
      } catch {
        // Whoever read our stdout is gone. The agent must find out as it would without us: by writing into a closed pipe.
        await reader.cancel().catch(() => {})
        break
      }
      if (queued > QUEUE_BYTES) await turn
    }
    await turn
  }
  const done = run()
  return {
    done,
    ended: async (silentMs) => {
      let over = false
      void done.then(() => {
        over = true
      })
      while (!over) {
        const before = heard
        await Promise.race([done, Bun.sleep(silentMs)])
        if (!over && heard === before) {
          await reader.cancel().catch(() => {})
          break
        }
      }
      await done
    }
  }
}
