/**
 * The secrets of one tenant on this machine, as 0600 files in a 0700 folder outside any repository: reader key, recorder
 * key, and the hub's auth secret. Writers' keys lie there too, kept by the journal. These throw where the disk does.
 */
import { chmodSync, existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { base64urlnopad } from "@scure/base"
import * as Either from "effect/Either"
import { makeReaderKey, parse, print } from "../../crypto/TenantKey.ts"
import { type Folders, keysFolder } from "./Folders.ts"

/** Paths of one tenant's secrets. */
export interface TenantFiles {
  readonly folder: string
  readonly reader: string
  readonly recorder: string
  readonly authSecret: string
}

/** Where they are, or would be. */
export const filesOf = (folders: Pick<Folders, "keys">, tenant: string): TenantFiles => {
  const folder = keysFolder(folders, tenant)
  return {
    folder,
    reader: join(folder, "reader.key"),
    recorder: join(folder, "recorder.key"),
    authSecret: join(folder, "auth-secret")
  }
}

/** Makes reader key, recorder key and auth secret where they are missing; answers the files it wrote. */
export const makeMissing = (files: TenantFiles): ReadonlyArray<string> => {
  mkdirSync(files.folder, { recursive: true, mode: 0o700 })
  const wrote: Array<string> = []
  if (!existsSync(files.reader) && !existsSync(files.recorder)) {
    if (writeOnce(files.reader, print(makeReaderKey()))) wrote.push(files.reader)
    const kept = parse(readFileSync(files.reader, "utf8"))
    if (Either.isRight(kept) && kept.right.kind === "reader" && writeOnce(files.recorder, print(kept.right.recorder))) {
      wrote.push(files.recorder)
    }
  }
  if (authSecret(files) === undefined) {
    const secret = base64urlnopad.encode(crypto.getRandomValues(new Uint8Array(32)))
    if (writeOnce(files.authSecret, secret)) wrote.push(files.authSecret)
  }
  return wrote
}

/** The text of the reader key, else of the recorder key, and the file it is in. */
export const keyIn = (files: TenantFiles): { readonly text: string; readonly from: string } | undefined => {
  for (const from of [files.reader, files.recorder]) {
    const text = readIf(from)
    if (text !== undefined) return { text, from }
  }
  return undefined
}

/** The secret that signs this tenant's tokens, where this machine is the one that mints them. */
export const authSecret = (files: TenantFiles): Uint8Array | undefined => {
  const text = readIf(files.authSecret)?.trim()
  return text === undefined || text === "" ? undefined : new TextEncoder().encode(text)
}

/** Writes a file that must not exist yet, whole or not at all; false where another process was first. */
export const writeOnce = (file: string, text: string) => {
  const draft = `${file}.${process.pid}`
  writeFileSync(draft, `${text}\n`, { mode: 0o600 })
  chmodSync(draft, 0o600)
  try {
    linkSync(draft, file)
    return true
  } catch (error) {
    if (existsSync(file)) return false
    throw error
  } finally {
    rmSync(draft, { force: true })
  }
}

/** Undefined where there is no such file; throws where it may not be read. */
export const readIf = (file: string): string | undefined => {
  try {
    return readFileSync(file, "utf8")
  } catch (error) {
    if (!existsSync(file)) return undefined
    throw error
  }
}
