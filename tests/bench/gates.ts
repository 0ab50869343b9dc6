/** What we promise ourselves of a run, and whether it was reached. A gate that is short says so. */
import { type Figures, median, short } from "./harness/Figures.ts"
import type { Name } from "./harness/Target.ts"

interface Gate {
  readonly figure: string
  readonly of: Name | "client" | "worker"
  /** The gate is on the ratio to this target; on the value itself without it. */
  readonly against?: Name | "stock"
  readonly least?: number
  readonly most?: number
}

const CATCH_UP = "catching up on 50000, one reader"
const all: ReadonlyArray<Gate> = [
  { figure: "ingest, batch 20, window 8: entries/s", of: "object", against: "stock object", least: 3.3 },
  { figure: "ingest, batch 1, window 1: entries/s", of: "object", against: "stock object", least: 2.2 },
  { figure: "50 tenants, batch 1: entries/s", of: "object", against: "stock object", least: 2.3 },
  { figure: "50 tenants, batch 20: entries/s", of: "object", against: "stock object", least: 2.3 },
  { figure: "ingest, batch 20, window 8: CPU µs/entry", of: "object", against: "stock object", most: 0.3 },
  { figure: `${CATCH_UP}: ms`, of: "object", against: "stock object", most: 0.1 },
  { figure: `${CATCH_UP}: CPU µs/entry`, of: "object", against: "stock object", most: 0.1 },
  { figure: `${CATCH_UP}: first entries ms`, of: "object", most: 10 },
  { figure: `${CATCH_UP}: MB over rest`, of: "object", most: 40 },
  { figure: "Ack while four catch up: p50 ms", of: "object", most: 5 },
  { figure: "100000 written by 20, five readers: MB more after the fifth", of: "object", most: 40 },
  { figure: "50000 written by 1, five readers: MB more after the fifth", of: "object", most: 40 },
  { figure: "told to 200: entries/s", of: "object", against: "stock object", least: 6 },
  { figure: "rows written, batch 20, one writer: rows/entry", of: "worker", most: 0.06 },
  { figure: "rows written, batch 20, two writers: rows/entry", of: "worker", most: 0.1 },
  { figure: "ingest, batch 20, window 8: entries/s", of: "object", against: "floor by batch", least: 1 },
  { figure: "ingest, batch 20, window 8: CPU µs/entry", of: "object", against: "floor by batch", most: 1.1 },
  { figure: "ingest, batch 1, window 1: entries/s", of: "object", against: "floor by batch", least: 1 },
  { figure: "ingest, batch 1, window 1: CPU µs/entry", of: "object", against: "floor by batch", most: 1.1 },
  { figure: "live at 100/s: p50 ms", of: "object", against: "floor by batch", most: 1.2 },
  { figure: "bundle, gzip: kB", of: "worker", most: 110 },
  { figure: "ready to Hello: ms", of: "worker", against: "stock", most: 1 },
  { figure: "ingest, batch 20, window 8: entries/s", of: "bun", against: "stock bun", least: 3 },
  { figure: "ingest, batch 1, window 1: entries/s", of: "bun", against: "stock bun", least: 3 },
  { figure: "told to 200: entries/s", of: "bun", against: "stock bun", least: 5 },
  { figure: "written at A, read at B: p50 ms", of: "client", most: 5 },
  { figure: "sealed and encoded, batch 100: entries/s", of: "client", least: 80_000 },
  { figure: "journal in memory, appended 20 at a time: events/s", of: "client", least: 15_000 }
]

/** A Markdown table of the gates whose figures this run has. */
export const gates = (figures: Figures): string => {
  const rows = all.flatMap(({ against, figure, least, most, of }) => {
    const values = against === undefined ? figures.of(figure, of) : figures.ratios(figure, of, against)
    if (values.length === 0) return []
    const value = median(values)
    const reached = least === undefined ? value <= most! : value >= least
    const unit = against === undefined ? "" : "×"
    const wanted = least === undefined ? `≤ ${most}${unit}` : `≥ ${least}${unit}`
    const range = values.length === 1 ? "" : ` (${short(Math.min(...values))}–${short(Math.max(...values))})`
    const what = against === undefined ? `${of}: ${figure}` : `${of} / ${against}: ${figure}`
    return [`| ${what} | ${wanted} | ${short(value)}${unit}${range} | ${reached ? "reached" : "**short**"} |`]
  })
  const growth = growthOf(figures)
  if (growth !== undefined) {
    const reached = growth <= GROWTH_MB
    rows.push(
      `| object: memory at most while catching up, fifth round over second | ≤ ${GROWTH_MB} MB | ${short(growth)} MB | ${reached ? "reached" : "**short**"} |`
    )
  }
  return ["| gate | wanted | found: median (least–most) | |", "| --- | --- | --- | --- |", ...rows].join("\n")
}

/** Megabytes below which workerd's heap goes up and down by itself. */
const GROWTH_MB = 15
const growthOf = (figures: Figures): number | undefined => {
  const values = figures.of("catching up on 50000, four: MB at most", "object")
  return values.length < 5 ? undefined : values[4]! - values[1]!
}
