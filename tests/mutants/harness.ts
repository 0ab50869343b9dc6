/**
 * In the mutated copy only, `bun:test` for every test: it collects the tests, so that `driver.ts` can run them again and
 * again in one process. Where nothing is driven it is `bun:test` itself.
 */
import * as real from "bun:test"

export * from "bun:test"

type Body = () => unknown

export interface Collected {
  readonly file: string
  readonly name: string
  /** The test with the hooks around it. */
  readonly run: () => Promise<void>
}

interface Scope {
  readonly name: string
  readonly before: Array<Body>
  readonly after: Array<Body>
  readonly above: Scope | undefined
}

const makeScope = (name: string, above?: Scope): Scope => ({ name, before: [], after: [], above })
export const collected: Array<Collected> = []
let file = ""
let scope = makeScope("")

/** Collects the tests of a file of the copy. */
export const collect = async (name: string, path: string): Promise<void> => {
  file = name
  await import(path)
}

const around = (here: Scope | undefined): ReadonlyArray<Scope> => (here ? [...around(here.above), here] : [])

const add = (name: string, body: Body) => {
  const scopes = around(scope)
  collected.push({
    file,
    name: [...scopes.map((each) => each.name), name].filter((part) => part !== "").join(" > "),
    run: async () => {
      for (const { before } of scopes) for (const hook of before) await hook()
      try {
        await body()
      } finally {
        for (const { after } of scopes.toReversed()) for (const hook of after) await hook()
      }
    }
  })
}

const within = (name: string, body: Body) => {
  scope = makeScope(name, scope)
  body()
  scope = scope.above!
}

/** `define`, and its form for a table of cases. */
const withEach = (define: (name: string, body: Body) => void) =>
  Object.assign(define, {
    each: (cases: ReadonlyArray<unknown>) => (name: string, body: (...args: ReadonlyArray<unknown>) => unknown) => {
      for (const each of cases) {
        const args = Array.isArray(each) ? each : [each]
        define(name.replace(/%[sd]/, String(args[0])), () => body(...args))
      }
    }
  })

const driven = process.env.MUTANT_DRIVEN !== undefined
export const test = driven ? withEach(add) : real.test
export const describe = driven ? withEach(within) : real.describe
export const beforeEach = driven ? (hook: Body) => void scope.before.push(hook) : real.beforeEach
export const afterEach = driven ? (hook: Body) => void scope.after.unshift(hook) : real.afterEach
export const setDefaultTimeout = driven ? () => {} : real.setDefaultTimeout
