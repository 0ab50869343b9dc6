/** @jsxImportSource preact */
/** Beside the timeline: its turns, the files that changed, what each tool took, and what it all cost. */
import { tokensOf } from "agent-sync/events"
import type { Timeline } from "../timeline/Timeline.ts"
import { coarse, cost, grouped, minuteOf, plural, short, shortPath } from "../words.ts"

const FILES = 12
/** Turns around the current one. */
const OUTLINE = 60

export const Side = ({
  at,
  cwd,
  log,
  timeline
}: {
  readonly timeline: Timeline
  readonly cwd: string | undefined
  readonly log: string
  /** When the event under the cursor happened: its turn stands out, else the newest. */
  readonly at: number | undefined
}) => {
  const { files, tools, turns } = timeline.sums
  const { figures } = timeline.session
  const here = turns.findLastIndex(({ time }) => at === undefined || time <= at)
  const current = turns[here]
  const from = Math.max(0, Math.min(here - OUTLINE / 2, turns.length - OUTLINE))
  const changed = [...files].sort(([, a], [, b]) => b.added + b.removed - a.added - a.removed)
  return (
    <>
      {turns.length === 0 ? null : (
        <section>
          <h2>Turns</h2>
          <nav class="turns" aria-label="Turns">
            {turns.slice(from, from + OUTLINE).map((turn) => (
              <a
                key={turn.id}
                aria-current={turn === current ? "true" : undefined}
                href={`#session=${encodeURIComponent(log)}&event=${encodeURIComponent(turn.id)}`}
              >
                <time>{minuteOf(turn.time)}</time>
                <span class="cut" dir="auto">
                  {turn.text}
                </span>
                <span class="num">
                  {turn.figures.costUsd === undefined
                    ? tokensOf(turn.figures) > 0
                      ? short(tokensOf(turn.figures))
                      : ""
                    : cost(turn.figures.costUsd)}
                </span>
              </a>
            ))}
          </nav>
        </section>
      )}
      {changed.length === 0 ? null : (
        <section>
          <h2>Files changed</h2>
          <ul class="files">
            {changed.slice(0, FILES).map(([path, { added, removed }]) => (
              <li key={path}>
                <span class="cut">
                  <bdi>{shortPath(path, cwd)}</bdi>
                </span>
                {added > 0 ? <span class="plus">+{added}</span> : null}
                {removed > 0 ? <span class="minus">−{removed}</span> : null}
              </li>
            ))}
          </ul>
          {changed.length > FILES ? <p class="soft small">{plural(changed.length - FILES, "more file")}</p> : null}
        </section>
      )}
      {tools.size === 0 ? null : (
        <section>
          <h2>Tools</h2>
          <table class="tally">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Calls</th>
                <th scope="col">Failed</th>
                <th scope="col">Time</th>
              </tr>
            </thead>
            <tbody>
              {[...tools]
                .sort(([, a], [, b]) => b.calls - a.calls)
                .slice(0, FILES)
                .map(([name, { calls, failed, ms }]) => (
                  <tr key={name}>
                    <td>{name}</td>
                    <td>{grouped(calls)}</td>
                    <td>{grouped(failed)}</td>
                    <td>{coarse(ms)}</td>
                  </tr>
                ))}
            </tbody>
          </table>
        </section>
      )}
      {Object.keys(figures).length === 0 ? null : (
        <section>
          <h2>Usage</h2>
          <table class="tally">
            <tbody>
              <Used name="Input" count={figures.input} />
              <Used name="Read from cache" count={figures.cacheRead} />
              <Used name="Written to cache" count={figures.cacheWrite} />
              <Used name="Output" count={figures.output} />
              {figures.costUsd === undefined ? null : (
                <tr class="sum">
                  <td>Cost, by the agent</td>
                  <td>{cost(figures.costUsd)}</td>
                </tr>
              )}
            </tbody>
          </table>
        </section>
      )}
    </>
  )
}
const Used = ({ count, name }: { name: string; count: number | undefined }) =>
  count === undefined ? null : (
    <tr>
      <td>{name}</td>
      <td>{short(count)}</td>
    </tr>
  )
