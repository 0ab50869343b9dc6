/** How long, as people write it: `500ms`, `30s`, `2m`, `1h`, `90d`, `2w`. */

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000
}

/** Milliseconds; undefined where it is no duration. */
export const millisecondsOf = (text: string): number | undefined => {
  const [, count, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d|w)$/.exec(text) ?? []
  return count === undefined ? undefined : Number(count) * (UNITS[unit ?? ""] ?? 0)
}
