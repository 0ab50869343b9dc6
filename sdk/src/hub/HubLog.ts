/**
 * The hub's own log: a line of JSON each, warnings and errors only unless debugging is asked for. It names tenants, logs
 * and token ids, never a token, and knows nothing of what is inside entries.
 */
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"

/** `write` says where lines go: a Worker's console knows levels, a program's stdout is for data. */
export const hubLog = (
  debug: boolean,
  write: (logger: Logger.Logger<unknown, string>) => Logger.Logger<unknown, void>
): Layer.Layer<never> =>
  Layer.merge(
    Logger.replace(Logger.defaultLogger, write(Logger.jsonLogger)),
    Logger.minimumLogLevel(debug ? LogLevel.Debug : LogLevel.Warning)
  )
