/**
 * What programs need of the machine they run on: sockets, a cipher, a journal, keys at hand, child processes. `#platform`
 * of package.json gives the one of Bun, of workerd or of a browser, so that a layer need not name it; another one is
 * provided as a layer of `Platform`.
 */

import * as Context from "effect/Context"
import type * as Either from "effect/Either"
import type * as Schema from "effect/Schema"
import { platform } from "#platform"
import type { Redaction } from "../agents/RedactSection.ts"
import type { Role } from "../crypto/AccessToken.ts"
import type { Aead } from "../crypto/Aead.ts"
import type { ReaderKey, RecorderKey } from "../crypto/TenantKey.ts"
import type { TenantId } from "../domain/Ids.ts"
import type { Journal, JournalFailed } from "../journal/Journal.ts"
import type { Network } from "./Link.ts"
import type { PlatformFailed } from "./PlatformFailed.ts"
import type { Preset } from "./SyncConfig.ts"

export interface JournalPlace {
  readonly tenant: TenantId
  readonly key: ReaderKey | RecorderKey
  /** Addresses of the hubs that what is recorded is owed to; `never` is for what stays on this machine, whatever hub there will be. */
  readonly remotes: ReadonlyArray<string> | "never"
  /** The journal's file; the tenant's own where it is not given. */
  readonly file?: string | undefined
}

/** A child process as an agent needs it. */
export interface Spawned {
  readonly stdout: AsyncIterable<Uint8Array>
  /** Rejects never. */
  readonly exited: Promise<{ readonly code: number | undefined; readonly signal: string | undefined }>
  readonly kill: () => void
}

export interface SpawnOptions {
  readonly command: ReadonlyArray<string>
  readonly cwd?: string | undefined
  readonly env?: Readonly<Record<string, string>> | undefined
  /** Written to its stdin, which is closed then. */
  readonly input?: string | undefined
}

/** What a program needs of its machine. */
export interface PlatformApi {
  readonly name: string
  readonly network: Network
  readonly aead: Aead
  /** This machine's name, for readers; undefined where it has none. */
  readonly host: string | undefined
  /** The tenant's journal, made where there is none; `file` names another than the machine's own. */
  readonly openJournal: (place: JournalPlace) => Promise<Either.Either<Journal, JournalFailed>>
  /**
   * The text of the tenant's key on this machine; where there is none and `make`, a new one. Undefined where the platform
   * keeps no keys.
   */
  readonly keyText: (tenant: TenantId, make: boolean) => Either.Either<string | undefined, PlatformFailed>
  /** A token for a hub of this machine, where it holds the secret that signs them. */
  readonly token: (tenant: TenantId, roles: readonly [Role, ...Array<Role>]) => Promise<string | undefined>
  /** A preset of the nearest `agent-sync.json`, with its secrets looked up and `AGENT_SYNC_*` on top. */
  readonly preset: (name: string | undefined) => Either.Either<ResolvedPreset, PlatformFailed>
  /** What the nearest `agent-sync.json` says of secrets, under `redact`. */
  readonly redaction: () => Either.Either<Redaction, PlatformFailed>
  /** Starts a process; undefined where the platform has none. */
  readonly spawn: ((options: SpawnOptions) => Spawned) | undefined
}

/** A preset whose references were followed. */
export type ResolvedPreset = Schema.Schema.Encoded<typeof Preset>

/** `#platform` of package.json where no layer of it is provided: Bun's, Node's, or one that keeps nothing. */
export class Platform extends Context.Reference<Platform>()("agent-sync/Platform", {
  defaultValue: (): PlatformApi => platform
}) {}
