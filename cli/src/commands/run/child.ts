/**
 * The agent as a child process whose stdout is read on its way through. What reads along sees each chunk after it was
 * written out, and cannot hold it up: it works from a queue, and only a queue that has grown very long slows the pipe.
 */
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

/** Signals that end or steer a program and that we are only a bystander to. */
const FORWARDED = ["SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"] as const

export const spawn = (command: ReadonlyArray<string>): Child => ({
  run: async (listen) => {
    let child: Bun.Subprocess<"inherit", "pipe", "inherit">
    try {
      child = Bun.spawn([...command], { stdin: "inherit", stdout: "pipe", stderr: "inherit" })
    } catch (error) {
      return notStarted(command[0]!, error)
    }
    const stop = forwardSignals((signal) => child.kill(signal))
    await pass(child.stdout, listen)
    await child.exited
    stop()
    const { exitCode, signalCode } = child
    if (signalCode !== null) {
      const [signal, number] = Object.entries(constants.signals).find((known) => known.includes(signalCode)) ?? ["?", 0]
      // As a shell reports it.
      return { code: 128 + number, ending: { ok: false, reason: "signal", signal } }
    }
    const code = exitCode ?? 1
    return { code, ending: { ok: code === 0, reason: "exit", exitCode: code } }
  }
})

/** `cmd | agent-sync run -`: our stdin is the agent's output. */
export const stdinAsChild = (): Child => ({
  run: async (listen) => {
    // The agent stands before us in the pipe and ends by itself; its end of file is ours.
    const stop = forwardSignals(() => {})
    await pass(Bun.stdin.stream(), listen)
    stop()
    return { code: 0, ending: { ok: true, reason: "eof" } }
  }
})

const notStarted = (name: string, error: unknown): How => {
  const missing = isNamed(error, "ENOENT")
  process.stderr.write(`agent-sync: ${name}: ${missing ? "command not found" : "cannot be executed"}\n`)
  const code = missing ? 127 : 126
  return { code, ending: { ok: false, reason: "not started", exitCode: code } }
}

/** On a terminal Ctrl-C reaches the agent by itself, as part of our process group; elsewhere we pass it on. */
const forwardSignals = (kill: (signal: NodeJS.Signals) => void) => {
  const handlers = new Map<NodeJS.Signals, () => void>()
  for (const signal of FORWARDED) handlers.set(signal, () => kill(signal))
  handlers.set("SIGINT", () => {
    if (!process.stdin.isTTY) kill("SIGINT")
  })
  for (const [signal, handler] of handlers) process.on(signal, handler)
  return () => {
    for (const [signal, handler] of handlers) process.off(signal, handler)
  }
}

/** Copies a stream to stdout and shows every chunk to `listen`, in order, a little later. */
const pass = async (from: ReadableStream<Uint8Array>, listen: (bytes: Uint8Array) => void) => {
  const queue: Array<Uint8Array> = []
  let queued = 0
  let turn: Promise<void> | undefined
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
  let open = true
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    try {
      out.write(value)
      await out.flush()
    } catch {
      // Whoever read our stdout is gone. The agent must find out as it would without us: by writing into a closed pipe.
      open = false
      await reader.cancel().catch(() => {})
    }
    queue.push(value.slice())
    queued += value.byteLength
    turn ??= work()
    if (queued > QUEUE_BYTES) await turn
    if (!open) break
  }
  await turn
}
