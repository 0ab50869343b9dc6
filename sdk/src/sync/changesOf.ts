/** A value that others change, as a stream. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

/** The value now, and again after each turn in which it changed; a slow consumer gets the newest only. */
export const changesOf = <A>(listeners: Set<() => void>, look: () => A): Stream.Stream<A> =>
  Stream.asyncPush<A>(
    (emit) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          let asked = false
          let said = ""
          const tell = () => {
            asked = false
            const now = look()
            const text = JSON.stringify(now)
            if (text !== said) emit.single(now)
            said = text
          }
          const listener = () => {
            if (asked) return
            asked = true
            queueMicrotask(tell)
          }
          listeners.add(listener)
          tell()
          return listener
        }),
        (listener) => Effect.sync(() => void listeners.delete(listener))
      ),
    { bufferSize: 16, strategy: "sliding" }
  )
