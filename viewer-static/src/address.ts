/**
 * What the page was opened with. Keys come in the fragment, which no server sees; they move into the tab's own storage, and the
 * address keeps only the place: a session, an event. Who reads and writes both is `main.ts`.
 */

export interface Opened {
  readonly tenant: string | undefined
  /** `asr1…` */
  readonly key: string | undefined
  readonly token: string | undefined
  readonly share: string | undefined
}

const SECRETS = ["tenant", "key", "token", "share"] as const

/** The secrets of an address, those kept in the tab where it has none, and the fragment that is left. Pure. */
export const readFragment = (
  hash: string,
  stored: string | null
): { readonly opened: Opened; readonly rest: string; readonly fresh: boolean } => {
  const place = new URLSearchParams(hash.replace(/^#/, ""))
  const given = Object.fromEntries(SECRETS.map((name) => [name, place.get(name) ?? undefined])) as unknown as Opened
  for (const name of SECRETS) place.delete(name)
  const rest = place.toString()
  // A new key or link stands alone: a token of another hub or tenant must not go with it.
  const fresh = given.key !== undefined || given.share !== undefined
  const before = fresh ? nothing : fromStored(stored)
  return {
    opened: fresh ? given : { ...before, tenant: given.tenant ?? before.tenant },
    rest: rest === "" ? "" : `#${rest}`,
    fresh
  }
}

const nothing: Opened = { tenant: undefined, key: undefined, token: undefined, share: undefined }

const fromStored = (stored: string | null): Opened => {
  try {
    const value: unknown = JSON.parse(stored ?? "{}")
    const field = (name: string) => {
      const found: unknown = typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined
      return typeof found === "string" ? found : undefined
    }
    return { tenant: field("tenant"), key: field("key"), token: field("token"), share: field("share") }
  } catch {
    return nothing
  }
}
