/** Figures of one run: a value a round for each target, so that targets are compared within a round and never across. */

export interface Figures {
  readonly put: (figure: string, target: string, value: number) => void
  /** One value of each figure and target of these: the median. */
  readonly take: (turns: Figures) => void
  readonly each: () => Iterable<readonly [figure: string, target: string, values: ReadonlyArray<number>]>
  readonly of: (figure: string, target: string) => ReadonlyArray<number>
  /** Round by round, this target's value over the other's. */
  readonly ratios: (figure: string, target: string, against: string) => ReadonlyArray<number>
  /** All of it as a Markdown table; ratios are to the named targets, whichever is there. */
  readonly table: () => string
}

export const makeFigures = (): Figures => {
  const all = new Map<string, Map<string, Array<number>>>()
  const of = (figure: string, target: string) => all.get(figure)?.get(target) ?? []
  const put: Figures["put"] = (figure, target, value) => {
    const targets = all.get(figure) ?? new Map<string, Array<number>>()
    all.set(figure, targets)
    targets.set(target, [...(targets.get(target) ?? []), value])
  }
  return {
    put,
    take: (turns) => {
      for (const [figure, target, values] of turns.each()) put(figure, target, median(values))
    },
    each: function* () {
      for (const [figure, targets] of all) for (const [target, values] of targets) yield [figure, target, values]
    },
    of,
    ratios: (figure, target, against) => {
      const others = of(figure, against)
      return of(figure, target).flatMap((value, round) => {
        const other = others[round]
        return other === undefined ? [] : [value / other]
      })
    },
    table: () => {
      const targets = [...new Set([...all.values()].flatMap((values) => [...values.keys()]))]
      const row = (cells: ReadonlyArray<string>) => `| ${cells.join(" | ")} |`
      return [
        row(["figure", ...targets]),
        row(["---", ...targets.map(() => "---:")]),
        ...[...all].map(([figure, values]) =>
          row([figure, ...targets.map((target) => spread(values.get(target) ?? []))])
        )
      ].join("\n")
    }
  }
}

export const quantile = (values: ReadonlyArray<number>, share: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
export const median = (values: ReadonlyArray<number>): number => quantile(values, 0.5)

/** The median, and from least to most. */
export const spread = (values: ReadonlyArray<number>): string => {
  if (values.length === 0) return "-"
  const told = short(median(values))
  return values.length === 1 ? told : `${told} (${short(Math.min(...values))}–${short(Math.max(...values))})`
}

export const short = (value: number): string => {
  const size = Math.abs(value)
  if (!Number.isFinite(value)) return "-"
  if (size >= 1000) return Math.round(value).toLocaleString("en-US")
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3)
}
