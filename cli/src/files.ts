/** What Node's file errors say, without casts. */

/** Whether an error carries this system code, such as `ENOENT`. */
export const isNamed = (error: unknown, code: string) =>
  error instanceof Error && "code" in error && error.code === code
