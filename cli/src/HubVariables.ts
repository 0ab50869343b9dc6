/** What a preset says of its hub, `storage` and `retention`, as the `SYNC_*` variables that every hub reads. */
import type { SyncConfig } from "agent-sync"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import { EXIT, Failure } from "./Failure.ts"

const DAY_MS = 86_400_000
/** Where a hub of each kind can keep entries. */
const STORAGES = { worker: ["do", "d1", "memory"], bun: ["sqlite", "memory"] } as const

/** For a hub in workerd (on Cloudflare, or `dev --runtime workerd`), or the embedded one on Bun. */
export const hubVariables = (
  name: string | undefined,
  { retention, storage }: Pick<SyncConfig.Preset, "retention" | "storage">,
  kind: keyof typeof STORAGES
): Either.Either<Readonly<Record<string, string>>, Failure> => {
  const known: ReadonlyArray<string> = STORAGES[kind]
  if (storage !== undefined && !known.includes(storage)) {
    const where = kind === "bun" ? "the embedded hub" : "a Worker"
    return Either.left(
      new Failure({
        exit: EXIT.usage,
        code: "BadStorage",
        what: `Preset ${name} keeps entries in ${storage}, and ${where} keeps them in ${known.join(" or ")}.`,
        now: "Nothing was started.",
        tries:
          kind === "bun"
            ? [{ command: "agent-sync dev --runtime workerd", why: "runs the Worker on this machine" }]
            : [{ command: `presets.${name}.storage`, why: "change it in agent-sync.json, or leave it out" }]
      })
    )
  }
  const { maxAge, maxBytes, maxSessions } = retention ?? {}
  return Either.right({
    // The embedded hub is told by its own flag.
    ...(storage === undefined || kind === "bun" ? {} : { SYNC_STORAGE: storage }),
    ...(maxAge === undefined ? {} : { SYNC_RETENTION_DAYS: String(Duration.toMillis(maxAge) / DAY_MS) }),
    ...(maxSessions === undefined ? {} : { SYNC_RETENTION_LOGS: String(maxSessions) }),
    ...(maxBytes === undefined ? {} : { SYNC_RETENTION_BYTES: String(maxBytes) })
  })
}
