/**
 * The tenant's keys on this machine. A secret is printed only where `--reveal` was said, on stdout alone, and is taken
 * from a prompt or from stdin, never from an argument: arguments are seen by every program of the machine.
 */
import { entropyToMnemonic, mnemonicToEntropy } from "@scure/bip39"
import { wordlist } from "@scure/bip39/wordlists/english.js"
import { indexLog, printKey, type ReaderKey, readerKeyFrom } from "agent-sync"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { again } from "../../again.ts"
import { type Flags, noKey, type Settings, settings } from "../../Config.ts"
import { EXIT, Failure } from "../../Failure.ts"
import { canAsk } from "../../globals.ts"
import { type Key, readKey, replaceKey } from "../../Keys.ts"
import { shortPath } from "../../paint.ts"
import { say } from "../../steps.ts"
import { table } from "../../table.ts"

interface Common extends Flags {
  readonly json: boolean
}

const WORDS = 24

const here = (flags: Flags) =>
  Effect.gen(function* () {
    const found = yield* settings(flags, { env: process.env, cwd: process.cwd() })
    return found.key === undefined ? yield* noKey(found) : { found, key: found.key }
  })

export const show = (input: Common) =>
  Effect.gen(function* () {
    const { found, key } = yield* here(input)
    const recorder = key.kind === "reader" ? key.recorder : key
    const rows = {
      tenant: found.tenant,
      key: key.kind === "reader" ? "reader key: opens every session" : "recorder key: records, cannot read back",
      from: found.origins.find(({ name }) => name === "key")?.origin ?? "",
      recorder: printKey(recorder),
      index: indexLog(recorder)
    }
    if (input.json) print({ ...rows, key: key.kind })
    else process.stdout.write(table(["Is", "Value"], Object.entries({ ...rows, from: shortPath(rows.from) })))
    return EXIT.ok
  })

export const exportKey = (input: Common & { readonly recorder: boolean; readonly reveal: boolean }) =>
  Effect.gen(function* () {
    const { found, key } = yield* here(input)
    if (!input.recorder && !input.reveal) {
      return yield* wouldReveal(found, "agent-sync identity export", {
        command: "agent-sync identity export --recorder",
        why: "a key that only records, for CI and servers"
      })
    }
    if (!input.recorder && key.kind !== "reader") return yield* noReader(found)
    const text = printKey(input.recorder && key.kind === "reader" ? key.recorder : key)
    if (input.json) print({ tenant: found.tenant, kind: input.recorder ? "recorder" : "reader", key: text })
    else {
      process.stdout.write(`${text}\n`)
      if (input.recorder) {
        say(
          `Set it as AGENT_SYNC_KEY on the machine that records, with a token of: ${again("agent-sync token create --role write")}`
        )
      } else say("Whoever has this key opens every session of this tenant, past and future.")
    }
    return EXIT.ok
  })

export const words = (input: Common & { readonly reveal: boolean }) =>
  Effect.gen(function* () {
    const { found, key } = yield* here(input)
    if (key.kind !== "reader") return yield* noReader(found)
    if (!input.reveal) return yield* wouldReveal(found, "agent-sync identity words")
    const phrase = entropyToMnemonic(key.secret, wordlist).split(" ")
    if (input.json) print({ tenant: found.tenant, words: phrase })
    else if (process.stdout.isTTY !== true) process.stdout.write(`${phrase.join(" ")}\n`)
    else {
      const rows = Array.from({ length: 6 }, (_, row) =>
        Array.from({ length: 4 }, (_, column) => {
          const at = row + column * 6
          return `${String(at + 1).padStart(2)} ${phrase[at] ?? ""}`.padEnd(14)
        }).join("")
      )
      process.stdout.write(`\n${rows.map((row) => `  ${row.trimEnd()}`).join("\n")}\n\n`)
      say("Write them down in this order, by columns. They are the reader key: whoever has them opens every session.")
    }
    return EXIT.ok
  })

export const importKey = (input: Common & { readonly force: boolean }) =>
  Effect.gen(function* () {
    const found = yield* settings(input, { env: process.env, cwd: process.cwd() })
    const text = yield* given
    const key = yield* keyFrom(text)
    const wrote = yield* replaceKey(found.files, key, input.force)
    if (input.json) print({ tenant: found.tenant, kind: key.kind, wrote })
    else {
      say(
        ...(wrote.length === 0
          ? [`This machine has that ${key.kind} key already.`]
          : wrote.map((file) => `Wrote ${shortPath(file)}`)),
        key.kind === "reader"
          ? `This machine opens the sessions of tenant ${found.tenant}.`
          : `This machine records for tenant ${found.tenant}; it cannot read back.`
      )
    }
    return EXIT.ok
  })

/** What is piped in, else what a person types where nobody sees it. */
const given = Effect.gen(function* () {
  if (process.stdin.isTTY !== true) {
    const text = (yield* Effect.promise(() => Bun.stdin.text())).trim()
    if (text !== "") return text
  }
  if (!canAsk()) {
    return yield* new Failure({
      exit: EXIT.usage,
      code: "NoTerminal",
      what: "identity import: no terminal to ask on, and nothing came on stdin.",
      now: "Nothing was changed.",
      tries: [{ command: "agent-sync identity import < FILE", why: "a key, or its 24 words" }]
    })
  }
  const clack = yield* Effect.promise(() => import("@clack/prompts"))
  const typed = yield* Effect.promise(() =>
    clack.password({ message: "The key (asr1… or asw1…), or its 24 words", output: process.stderr })
  )
  return typeof typed === "string"
    ? typed
    : yield* new Failure({ exit: EXIT.interrupted, code: "Interrupted", what: "Nothing was changed." })
})

const keyFrom = (text: string): Either.Either<Key, Failure> => {
  const phrase = text.trim().toLowerCase().split(/\s+/)
  if (phrase.length < 3) return readKey(text, "what was given")
  const bad = (what: string) =>
    Either.left(new Failure({ exit: EXIT.unopened, code: "BadWords", what, now: "Nothing was changed." }))
  if (phrase.length !== WORDS) return bad(`The reader key is ${WORDS} words, and ${phrase.length} came.`)
  const unknown = phrase.findIndex((word) => !wordlist.includes(word))
  if (unknown !== -1) return bad(`Word ${unknown + 1} is none of the list: look at its spelling.`)
  const secret = Either.try(() => mnemonicToEntropy(phrase.join(" "), wordlist))
  return Either.isRight(secret)
    ? Either.right<ReaderKey>(readerKeyFrom(Uint8Array.from(secret.right)))
    : bad("These words do not belong together: one is wrong, or two have changed places.")
}

const wouldReveal = (
  { tenant }: Settings,
  command: string,
  ...more: ReadonlyArray<{ readonly command: string; readonly why: string }>
) =>
  new Failure({
    exit: EXIT.usage,
    code: "WouldReveal",
    what: `This shows the reader key of tenant ${tenant}, which opens every session.`,
    now: "Nothing was shown.",
    tries: [{ command: `${command} --reveal`, why: "where nobody looks over your shoulder" }, ...more]
  })

const noReader = ({ tenant }: Settings) =>
  new Failure({
    exit: EXIT.unopened,
    code: "CannotRead",
    what: `This machine has only the recorder key of tenant ${tenant}: the reader key is elsewhere.`,
    now: "Nothing was shown."
  })

const print = (row: object) => process.stdout.write(`${JSON.stringify({ schema: 1, ...row })}\n`)
