/**
 * `run --tty`: an interactive agent has the terminal to itself, and its session is recorded from the file that it writes.
 * Sessions of the same folder that run meanwhile are recorded with it.
 */
import { realpathSync } from "node:fs"
import type { Recording } from "../../Recording.ts"
import { homesOf } from "../../sessions/find.ts"
import { follow } from "../../sessions/follow.ts"
import { plural } from "../../Terminal.ts"
import { inTerminal } from "./child.ts"
import { howToRead } from "./words.ts"

/** Milliseconds after the agent's end in which its last lines may still come. */
const LAST_LINES_MS = 300
/** Milliseconds that the hub has at the end to take what it is still owed. */
const DRAIN_MS = 2_000

/** Answers the agent's exit code; what is to say, it says when the agent has ended. */
export const runInTerminal = async (command: ReadonlyArray<string>, recording: Recording): Promise<number> => {
  const { say } = recording
  const here = realpathSync(process.cwd())
  const sessions: Array<string> = []
  const following = follow({
    homes: homesOf(process.env),
    to: { journal: recording.journal, context: recording.found.context, redaction: recording.found.redaction },
    past: false,
    isWanted: ({ cwd }) => cwd === here || cwd === process.cwd(),
    onSession: ({ session }) => void sessions.push(session),
    onTrouble: say
  })
  const { code } = await inTerminal(command)
  await Bun.sleep(LAST_LINES_MS)
  await following.lookAround()
  following.stop()
  if (sessions.length === 0) say("No session was seen that this agent wrote here, so nothing was recorded.")
  await recording.sync(DRAIN_MS)
  const [session] = sessions
  if (session !== undefined) {
    const id = session.slice(-4)
    say(`recorded ${plural(following.events(), "event")} as ${id}.  Read it: ${howToRead(recording.found, id)}`)
  }
  return code
}
