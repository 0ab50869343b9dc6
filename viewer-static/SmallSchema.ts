/**
 * `effect/Schema` in the page: of the shapes that `sdk/src/domain` writes, only the question whether a value has them, and
 * errors with a tag. That both answer alike is held by `tests/viewer/smallSchema.test.ts`; what the domain uses and is
 * missing here does not build.
 */

type Is = (value: unknown) => boolean

class Shape {
  constructor(
    readonly is: Is,
    readonly optional = false
  ) {}
  pipe(...steps: ReadonlyArray<(shape: Shape) => Shape>): Shape {
    return steps.reduce((shape, step) => step(shape), this as Shape)
  }
  make(value: unknown): unknown {
    if (!this.is(value)) throw new TypeError("A value has not the shape it must have.")
    return value
  }
}

type Fields = Readonly<Record<string, Shape>>
class StructShape extends Shape {
  constructor(readonly fields: Fields) {
    const all = Object.entries(fields)
    super(
      all.length === 0
        ? (value) => value !== null && value !== undefined
        : (value) =>
            isRecord(value) &&
            all.every(([key, { is, optional }]) => (Object.hasOwn(value, key) ? is(value[key]) : optional))
    )
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

export const is = (shape: Shape): Is => shape.is

const Text = new Shape((value) => typeof value === "string")
const Num = new Shape((value) => typeof value === "number")
const Bool = new Shape((value) => typeof value === "boolean")

export { Bool as Boolean, Num as Number, Text as String }
export const Unknown = new Shape(() => true)
export const Uint8ArrayFromSelf = new Shape((value) => value instanceof Uint8Array)

export const Literal = (...literals: ReadonlyArray<unknown>) =>
  Object.assign(new Shape((value) => literals.includes(value)), { literals })
export const Union = (...members: ReadonlyArray<Shape>) =>
  Object.assign(new Shape((value) => members.some((member) => member.is(value))), { members })
export const Struct = (fields: Fields) => new StructShape(fields)
export const TaggedStruct = (tag: string, fields: Fields) => Struct({ _tag: Literal(tag), ...fields })
export const optional = (shape: Shape) => new Shape((value) => value === undefined || shape.is(value), true)
const List = (item: Shape) => new Shape((value) => Array.isArray(value) && value.every(item.is))

export { List as Array }
export const Tuple = (...items: ReadonlyArray<Shape>) =>
  new Shape(
    (value) => Array.isArray(value) && value.length === items.length && items.every((item, at) => item.is(value[at]))
  )

export const Int = new Shape(Number.isSafeInteger)
export const NonNegativeInt = new Shape((value) => Number.isSafeInteger(value) && Number(value) >= 0)
export const positive = () => (shape: Shape) => new Shape((value) => shape.is(value) && Number(value) > 0)

const texts = (holds: (text: string) => boolean) => (shape: Shape) =>
  new Shape((value) => shape.is(value) && typeof value === "string" && holds(value))
export const pattern = (regex: RegExp) => texts((text) => regex.test(text))
export const minLength = (least: number) => texts(({ length }) => length >= least)
export const maxLength = (most: number) => texts(({ length }) => length <= most)
export const brand = () => (shape: Shape) => shape
export const NonEmptyString = Text.pipe(minLength(1))

export const TaggedError = () => (tag: string) =>
  class extends Error {
    readonly _tag = tag
    constructor(fields: object) {
      super()
      Object.assign(this, fields)
    }
  }
