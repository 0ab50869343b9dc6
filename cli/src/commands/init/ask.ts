/** The questions of `init`, on a terminal. What was given as a flag is not asked. */
import * as clack from "@clack/prompts"
import * as Either from "effect/Either"
import { parseTenant } from "../../Config.ts"
import { fit } from "../../wrap.ts"

/** Prompts go to stderr: stdout is for data. */
const output = process.stderr

export interface Answers {
  readonly tenant: string
  readonly worker: boolean
  readonly storage: "do" | "d1"
}

/** Undefined where the person went away. */
export const ask = async (
  known: { readonly tenant: string | undefined; readonly worker: boolean; readonly storage: "do" | "d1" | undefined },
  guess: string,
  version: string
): Promise<Answers | undefined> => {
  clack.intro(
    within(`agent-sync ${version}  records agent sessions, sealed on this machine. No telemetry.`).replaceAll(
      "\n",
      "\n│  "
    ),
    { output }
  )
  const tenant =
    known.tenant ??
    (await clack.text({
      message: "Tenant  whose sessions these are; part of the address",
      placeholder: guess,
      defaultValue: guess,
      output,
      validate: (text) => {
        const parsed = parseTenant(text === undefined || text === "" ? guess : text)
        return Either.isLeft(parsed) ? parsed.left.what : undefined
      }
    }))
  if (clack.isCancel(tenant)) return gone()
  const where = known.worker
    ? await clack.select({
        message: "Where does the hub run?",
        options: [
          { value: "own", label: "My own Cloudflare account", hint: "a Worker and a Durable Object" },
          { value: "here", label: "This machine", hint: "agent-sync dev; no account needed" }
        ],
        output
      })
    : "here"
  if (clack.isCancel(where)) return gone()
  const storage =
    where === "here" || known.storage !== undefined
      ? (known.storage ?? "do")
      : await clack.select({
          message: "Where does the Worker keep entries?",
          options: [
            { value: "do" as const, label: "In its Durable Object", hint: "right for nearly everybody" },
            {
              value: "d1" as const,
              label: "In D1",
              hint: "one database for all tenants; slower, live only within one instance"
            }
          ],
          output
        })
  if (clack.isCancel(storage)) return gone()
  return { tenant, worker: where === "own", storage }
}

const gone = () => {
  clack.cancel("Nothing was written.", { output })
  return undefined
}

/** What was done, in the same frame as the questions. */
export const report = (wrote: ReadonlyArray<string>, title: string, warnings: ReadonlyArray<string>, next: string) => {
  clack.log.success(within([title, ...wrote].join("\n")), { output })
  for (const warning of warnings) clack.log.warn(within(warning), { output })
  clack.outro(within(next).replaceAll("\n", "\n   "), { output })
}

/** Beside the frame, which takes three columns of the terminal. */
const within = (text: string) => fit(text, { isTTY: true, columns: (output.columns ?? 80) - 3 })
