/** Flags that several commands share, said once. */
import * as Options from "@effect/cli/Options"
import * as Option from "effect/Option"
import type { Flags } from "./Config.ts"

export const hub = {
  env: Options.text("env").pipe(
    Options.withAlias("e"),
    Options.withDescription("A preset of agent-sync.json: dev, prod, …"),
    Options.optional
  ),
  url: Options.text("url").pipe(Options.withDescription("The hub's address, instead of the preset's"), Options.optional)
}

export const tenant = Options.text("tenant").pipe(
  Options.withDescription("Whose sessions; the tenant of agent-sync.json where it is not given"),
  Options.optional
)

export const json = Options.boolean("json").pipe(
  Options.withDescription("One JSON object a line on stdout, for programs")
)

/** A TCP port. */
export const port = Options.integer("port").pipe(
  Options.filterMap(
    (given) => (given >= 0 && given <= 65_535 ? Option.some(given) : Option.none()),
    "A port is a number from 0 to 65535, and 0 takes a free one."
  )
)

export const flags = (given: {
  readonly env: Option.Option<string>
  readonly url: Option.Option<string>
  readonly tenant: Option.Option<string>
}): Flags => ({
  env: Option.getOrUndefined(given.env),
  url: Option.getOrUndefined(given.url),
  tenant: Option.getOrUndefined(given.tenant)
})
