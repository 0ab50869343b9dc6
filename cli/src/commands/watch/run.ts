/** Records the sessions that agents write on this machine, as they write them, until it is interrupted. */
import { resolve } from "node:path"
import * as Effect from "effect/Effect"
import type { Flags } from "../../Config.ts"
import { EXIT } from "../../Failure.ts"
import { openRecording, type Recording } from "../../Recording.ts"
import { homesOf } from "../../sessions/find.ts"
import { follow } from "../../sessions/follow.ts"
import { isBelow } from "../../sessions/project.ts"
import type { Head } from "../../sessions/read.ts"
import { clean, plural } from "../../Terminal.ts"

/** Milliseconds that the hub has at the end to take what it is still owed; the rest waits in the journal. */
const DRAIN_MS = 5_000

export interface WatchInput extends Flags {
  readonly json: boolean
  readonly once: boolean
  readonly past: boolean
  readonly project: string | undefined
}

export const run = (input: WatchInput) =>
  Effect.flatMap(openRecording(input), (recording) => Effect.promise(() => record(input, recording)))

const record = async (input: WatchInput, recording: Recording): Promise<number> => {
  const { found, journal } = recording
  const folder = input.project === undefined ? undefined : resolve(input.project)
  const homes = homesOf(process.env)
  const troubles = new Set<string>()
  const say = (text: string) => process.stderr.write(`agent-sync: ${clean(text)}\n`)
  const tell = (fields: object) => process.stdout.write(`${JSON.stringify({ schema: 1, ...fields })}\n`)

  const interrupted = new Promise<number>((resolve) => {
    process.once("SIGINT", () => resolve(EXIT.interrupted))
    process.once("SIGTERM", () => resolve(EXIT.ok))
  })
  const following = follow({
    homes,
    to: { journal, context: found.context, redaction: found.redaction },
    past: input.past,
    isWanted: ({ cwd }) => folder === undefined || isBelow(cwd, folder),
    onSession: (head, path) => {
      if (input.json) tell({ recording: head.session, agent: head.agent, cwd: head.cwd, file: path })
      else say(lineOf(head))
    },
    onTrouble: (what) => {
      // Each only once: a full disk is told with every try.
      if (!troubles.has(what)) say(what)
      troubles.add(what)
    }
  })

  const left = await following.caughtUp
  if (input.json) tell({ watching: homes.map((home) => home.folder), tenant: found.tenant, past: left })
  else if (!input.once) {
    say(`Watching Claude Code, Codex, Gemini CLI and opencode here, for tenant ${found.tenant}. Ctrl-C ends it.`)
    if (left > 0)
      say(
        `${plural(left, "past session is", "past sessions are")} not recorded. To have them too: agent-sync import --all`
      )
  }
  const code = input.once ? EXIT.ok : await interrupted
  if (!input.once) await following.lookAround()
  following.stop()
  await recording.sync(DRAIN_MS)
  for (const text of recording.close()) say(text)
  if (input.json) tell({ ended: true, events: following.events() })
  return code
}

const lineOf = ({ agent, cwd, session }: Head) =>
  `recording ${agent} ${session.slice(-4)}${cwd === undefined ? "" : ` in ${cwd}`}`
