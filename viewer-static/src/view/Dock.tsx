/** @jsxImportSource preact */
/** What stays at the bottom: new events, the open question, the strip that is the time slider. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks"
import { type Log, type Model, shownOf } from "../Model.ts"
import { stripOf } from "../replay.ts"
import type { Listed } from "../Source.ts"
import type { Message } from "../update.ts"
import { clockOf, duration, grouped, minuteOf, plural } from "../words.ts"
import { Icon } from "./icons.tsx"

const BARS = 160

export const Dock = (props: {
  readonly model: Model
  readonly session: Listed
  readonly log: Log
  readonly send: (message: Message) => void
}) => {
  const { log, model, send, session } = props
  const { follow, fresh, replay } = model.reading
  const { waitingFor } = shownOf(model, log).timeline.session
  const at = replay?.at ?? log.count
  // In a long log a new event does not show; the strip follows by the second.
  const strip = useMemo(
    () => stripOf(log.entries, BARS),
    [log.entries, log.caughtUp, log.count > 5_000 ? model.now : log.count]
  )
  const time = log.entries[at - 1]?.content
  // The hub's numbers: what is not here yet counts too.
  const number = log.entries[at - 1]?.sequence ?? at
  const last = log.entries.at(-1)?.sequence ?? log.count
  const clock = time?._tag === "Event" ? clockOf(time.event.time) : ""
  const newer = replay === undefined ? fresh : log.count - replay.at
  const moved = (event: KeyboardEvent) => {
    const by: Record<string, number> = {
      ArrowLeft: -1,
      ArrowDown: -1,
      ArrowRight: 1,
      ArrowUp: 1,
      PageUp: -turn(log),
      PageDown: turn(log)
    }
    const step = by[event.key]
    if (step !== undefined) send({ _tag: "ReplayBy", by: step })
    else if (event.key === "Home") send({ _tag: "ReplayTo", at: 1 })
    else if (event.key === "End") send({ _tag: "BackToLive" })
    else return
    event.preventDefault()
    event.stopPropagation()
  }
  const pointed = (event: PointerEvent) => {
    const track = event.currentTarget as HTMLElement
    if (event.type === "pointerdown") track.setPointerCapture(event.pointerId)
    else if (event.buttons === 0) return
    const { left, width } = track.getBoundingClientRect()
    const bar = Math.min(BARS - 1, Math.max(0, Math.floor(((event.clientX - left) / width) * BARS)))
    send({ _tag: "ReplayTo", at: strip[bar]?.until ?? 1 })
  }
  const played = strip.findIndex(({ until }) => until >= at)
  return (
    <section class="dock" aria-label="Live and replay">
      {fresh > 0 && !follow && replay === undefined ? (
        <div class="pill-wrap">
          <div>
            <button class="pill" type="button" onClick={() => send({ _tag: "Follow", follow: true })}>
              <Icon name="down" />
              {plural(fresh, "new event")}
            </button>
          </div>
        </div>
      ) : null}
      {waitingFor !== undefined && session.state !== "ended" && replay === undefined ? (
        <div class="banner">
          <div>
            <Icon name="waiting" />
            <div class="grow">
              <div class="q" dir="auto">
                {waitingFor.what.startsWith("to ") ? `Permission ${waitingFor.what}` : waitingFor.what}
              </div>
              <div class="how">
                <span class="since">
                  Waiting for you since {minuteOf(waitingFor.since)},{" "}
                  {duration(Math.max(0, model.now - waitingFor.since))}.
                </span>{" "}
                <span class="soft2">
                  Answer in the agent’s own terminal
                  {session.origin.host === undefined ? "" : ` on ${session.origin.host}`}; this page only watches.
                </span>
              </div>
            </div>
          </div>
        </div>
      ) : null}
      <Spoken text={follow || fresh === 0 ? "" : plural(fresh, "new event")} />
      <div class="player">
        <div>
          {replay === undefined ? (
            <button
              class={`follow${model.connection._tag === "Live" ? "" : " stale"}`}
              type="button"
              aria-pressed={follow}
              onClick={() => send({ _tag: "Follow", follow: !follow })}
            >
              <Icon name={follow ? (model.connection._tag === "Live" ? "live" : "offline") : "idle"} />
              {follow ? "Following" : "Follow"}
            </button>
          ) : (
            <button
              class="follow"
              type="button"
              onClick={() => send(replay.playing ? { _tag: "Pause" } : { _tag: "Play" })}
            >
              <Icon name={replay.playing ? "pause" : "play"} />
              {replay.playing ? "Pause" : "Play"}
            </button>
          )}
          <div
            class="track"
            role="slider"
            tabIndex={0}
            aria-label="Position in the session"
            aria-valuemin={1}
            aria-valuemax={Math.max(1, log.count)}
            aria-valuenow={Math.max(1, at)}
            aria-valuetext={replay === undefined ? "now" : `${clock}, event ${number} of ${last}`}
            onKeyDown={moved}
            onPointerDown={pointed}
            onPointerMove={pointed}
          >
            <svg class="strip" viewBox={`0 0 ${BARS * 5} 32`} preserveAspectRatio="none" aria-hidden="true">
              <rect class="base" x="0" y="31" width={BARS * 5} height="1" />
              {strip.map(({ height, hole, mark }, bar) => {
                if (height === 0)
                  return hole ? <rect key={bar} class="hole" x={bar * 5} y="31" width="5" height="1" /> : null
                const tall = mark === undefined ? 1 + Math.round(27 * height) : 31
                const past = replay !== undefined && bar <= played ? "past" : ""
                return (
                  <rect
                    key={bar}
                    class={mark === "ask" ? "q" : mark === "fail" ? "x" : past}
                    x={bar * 5}
                    y={32 - tall}
                    width="4"
                    height={tall}
                  />
                )
              })}
              {replay === undefined ? null : (
                <rect class="head-line" x={Math.max(0, played) * 5 + 2} y="0" width="2" height="32" />
              )}
            </svg>
          </div>
          <span class="clock num soft">
            {grouped(number)} of {grouped(last)}
            {replay === undefined ? "" : `, ${clock}`}
          </span>
          <div class="speed" role="group" aria-label="Replay speed">
            {([1, 4, 20] as const).map((speed) => (
              <button
                key={speed}
                type="button"
                aria-pressed={replay?.playing === true && replay.speed === speed}
                onClick={() => send({ _tag: "Play", speed })}
              >
                {speed}×
              </button>
            ))}
          </div>
          {replay === undefined ? null : (
            <button class="to-live" type="button" onClick={() => send({ _tag: "BackToLive" })}>
              Back to live{newer > 0 ? <span class="hide">, {plural(newer, "newer event")}</span> : null}
            </button>
          )}
        </div>
      </div>
    </section>
  )
}

/** Milliseconds between two things that a screen reader says. */
const SPOKEN_MS = 10_000

/** Says what it is given to who listens, and not each change of it. */
const Spoken = ({ text }: { readonly text: string }) => {
  const [said, say] = useState("")
  const at = useRef(0)
  useEffect(() => {
    const timer = setTimeout(
      () => {
        at.current = Date.now()
        say(text)
      },
      text === "" ? 0 : Math.max(0, at.current + SPOKEN_MS - Date.now())
    )
    return () => clearTimeout(timer)
  }, [text])
  return (
    <p class="hide" role="status">
      {said}
    </p>
  )
}

/** About a turn, in entries. */
const turn = (log: Log) => Math.max(10, Math.round(log.count / Math.max(1, log.timeline.sums.turns.length)))
