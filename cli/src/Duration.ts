/** How long, as people write it: `500ms`, `30s`, `2m`, `1h`, `90d`, `2w`. */

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000
}

/** Of what a Date reaches from 1970 (ECMA-262, 21.4.1.1) the half: now and any duration together are a date. */
const LONGEST_MS = 4_320_000_000_000_000

/** Milliseconds; undefined where it is no duration, or one that leads to no date. */
export const millisecondsOf = (text: string): number | undefined => {
  const [, count, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d|w)$/.exec(text) ?? []
  const ms = Number(count) * (UNITS[unit ?? ""] ?? 0)
  return ms <= LONGEST_MS ? ms : undefined
}
