/**
 * Reading fields of foreign JSON, one by one: agents change their records between releases, and a field of an
 * unexpected type must cost that field only, never the record. Also its counterpart, leaving out what was not told.
 */

export type Fields = { readonly [name: string]: unknown }

export const objectOf = (value: unknown): Fields | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : undefined

export const listOf = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])

/** A string that is not empty. */
export const stringOf = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined

export const numberOf = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isFinite(value) ? value : undefined

/** `T` with the fields that may be undefined made optional. */
export type Told<T> = { readonly [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  readonly [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>
}

/** The same fields without the undefined ones. */
export const told = <T extends object>(fields: T): Told<T> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Told<T>
