/** Figures in the words that terminal and page share; how either says a time is its own. */

/** `999` `12k` `1.9M`. */
export const short = (count: number): string => {
  if (count < 1_000) return String(Math.round(count))
  if (count < 9_950) return `${(count / 1_000).toFixed(1)}k`
  if (count < 999_500) return `${Math.round(count / 1_000)}k`
  return `${(count / 1_000_000).toFixed(1)}M`
}

/** US dollars as the agent told them. */
export const cost = (usd: number): string => (usd > 0 && usd < 0.01 ? "<$0.01" : `$${usd.toFixed(2)}`)

/** `512 B` `12 kB` `1.9 MB`. */
export const bytes = (count: number): string =>
  count < 1_000
    ? `${count} B`
    : count < 999_500
      ? `${Math.round(count / 1_000)} kB`
      : `${(count / 1_000_000).toFixed(1)} MB`

/** `1,204`, of whole numbers. By hand, since the first `Intl.NumberFormat` of a page takes a browser tens of milliseconds. */
export const grouped = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, ",")

/** `1 entry`, `1,204 entries`. */
export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${grouped(count)} ${count === 1 ? one : many}`
