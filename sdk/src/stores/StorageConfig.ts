/** Where a program keeps what it writes, and how much of it at a time. */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"

/** Where the journal is, and limits of the stores. */
export interface Storage {
  /** `memory` forgets at exit. */
  readonly kind: "file" | "memory"
  /** The journal's file; the tenant's own, which `agent-sync run` uses too, where it is not given. */
  readonly file: string | undefined
  /** Keeps what others wrote in that file too, sealed as it came, so that it is there while no hub is. */
  readonly offline: boolean
  /** Items of one `list` where no `limit` is given; a larger limit is cut to `maxPageSize`. */
  readonly pageSize: number
  readonly maxPageSize: number
  /** Bytes of one artifact. */
  readonly maxArtifactBytes: number
}

export const defaults: Storage = {
  kind: "file",
  file: undefined,
  offline: true,
  pageSize: 100,
  maxPageSize: 1_000,
  maxArtifactBytes: 64 * 1024 * 1024
}

/** Where no layer of it is provided: the tenant's file on this machine, pages of 100, artifacts of up to 64 MiB. */
export class StorageConfig extends Context.Reference<StorageConfig>()("agent-sync/StorageConfig", {
  defaultValue: (): Storage => defaults
}) {
  static readonly layer = (options: Partial<Storage>): Layer.Layer<StorageConfig> =>
    Layer.succeed(StorageConfig, { ...defaults, ...options })
  static readonly layerMemory: Layer.Layer<StorageConfig> = Layer.suspend(() => StorageConfig.layer({ kind: "memory" }))
  /** By Effect's `Config`: `AGENT_SYNC_STORAGE` (`file` or `memory`) and `AGENT_SYNC_JOURNAL` (a file). Empty is unset. */
  static readonly layerFromEnvironment: Layer.Layer<StorageConfig, ConfigError.ConfigError> = Layer.suspend(() =>
    Layer.effect(StorageConfig, fromEnvironment)
  )
}

const set = (name: string) => Config.withDefault(Config.string(name), "")

const fromEnvironment: Config.Config<Storage> = Config.all({
  kind: set("AGENT_SYNC_STORAGE"),
  file: set("AGENT_SYNC_JOURNAL")
}).pipe(
  Config.mapOrFail(({ file, kind }) =>
    kind === "" || kind === "file" || kind === "memory"
      ? Either.right({ ...defaults, kind: kind === "" ? defaults.kind : kind, file: file === "" ? undefined : file })
      : Either.left(
          ConfigError.InvalidData(["AGENT_SYNC_STORAGE"], `${JSON.stringify(kind)} is neither file nor memory.`)
        )
  )
)
