/** The hub on Bun for who only wants one: its storage and its access chosen by name. `EventLogRemoteServer` takes them as they come. */
import * as Either from "effect/Either"
import type * as Layer from "effect/Layer"
import { DEFAULT_TENANT } from "../domain/Ids.ts"
import * as Access from "../hub/Access.ts"
import { accessOf } from "../hub/HubSettings.ts"
import * as MemoryStorage from "../hub/MemoryStorage.ts"
import { type CannotListen, type EventLogRemoteServer, layer } from "./EventLogRemoteServer.ts"
import { tenantFile } from "./home/Folders.ts"
import * as SqliteStorage from "./SqliteStorage.ts"

/** The hub of one program: everything but who gets in has a default. */
export interface BunOptions {
  /** 0, where it is not given, takes a free one. */
  readonly port?: number
  /** 127.0.0.1 where it is not given. */
  readonly host?: string
  /** In memory, where it is not given; else a folder, in which each tenant is a file. */
  readonly storage?: "memory" | { readonly folder: string }
  /** One token for everyone; a secret that signs tokens; or `off`, which lets anyone in who reaches it. */
  readonly auth: "off" | { readonly token?: string; readonly secret?: string }
}

/** The hub with its parts chosen by name. It serves until the layer closes. */
export const layerBun = ({
  auth,
  host = "127.0.0.1",
  port = 0,
  storage = "memory"
}: BunOptions): Layer.Layer<EventLogRemoteServer, CannotListen> =>
  layer({
    port,
    hostname: host,
    access:
      auth === "off"
        ? Access.off
        : accessOf({
            open: false,
            secret: auth.secret === undefined ? undefined : new TextEncoder().encode(auth.secret),
            sharedToken: auth.token
          }),
    settings: { defaultTenant: DEFAULT_TENANT },
    storageKind: storage === "memory" ? "memory" : "sqlite",
    storage: (tenant) =>
      storage === "memory" ? Either.right(MemoryStorage.make()) : SqliteStorage.open(tenantFile(storage.folder, tenant))
  })
