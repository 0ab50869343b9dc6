import { describe, expect, test } from "bun:test"
import * as fc from "effect/FastCheck"
import { type Piece, piecesOf } from "../../sdk/src/agents/Records.ts"

const shown = (pieces: ReadonlyArray<Piece>) =>
  pieces.map((piece) => (piece.kind === "record" ? piece.record : `${piece.kind}: ${piece.text}`))

const object = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }))

describe("piecesOf", () => {
  test("finds every object of a line, however many are glued together", () => {
    fc.assert(
      fc.property(fc.array(object, { minLength: 1, maxLength: 4 }), (objects) => {
        // Through JSON first: it has no -0.
        const read = objects.map((one) => JSON.parse(JSON.stringify(one)))
        expect(shown(piecesOf(read.map((one) => JSON.stringify(one)).join("")))).toEqual(read)
      })
    )
  })

  test("loses nothing, whatever the line is", () => {
    const line = fc
      .array(fc.oneof(fc.string(), fc.json(), fc.constantFrom("{", "}", '"', '{"', "\\")))
      .map((some) => some.join(""))
    fc.assert(
      fc.property(line, (said) => {
        const solid = (text: string) => text.replace(/\s/g, "")
        const texts = piecesOf(said).flatMap((piece) => (piece.kind === "record" ? [] : [piece.text]))
        let rest = said
        for (const text of texts) {
          expect(rest).toContain(text)
          rest = rest.slice(rest.indexOf(text) + text.length)
        }
        if (piecesOf(said).every(({ kind }) => kind !== "record")) expect(solid(texts.join(""))).toBe(solid(said))
      })
    )
  })

  test("gives nothing for a blank line", () => {
    expect(piecesOf("")).toEqual([])
    expect(piecesOf(" \t")).toEqual([])
  })

  test("keeps text before, between and after objects", () => {
    expect(shown(piecesOf('warning: {"a":1} and {"b":2} end'))).toEqual([
      "text: warning: ",
      { a: 1 },
      "text:  and ",
      { b: 2 },
      "text:  end"
    ])
    expect(shown(piecesOf('\0\0{"a":1}'))).toEqual(["text: \0\0", { a: 1 }])
  })

  test("takes what begins like a record and does not end for cut off", () => {
    expect(shown(piecesOf('{"a":1}{"b":"tw'))).toEqual([{ a: 1 }, 'cut: {"b":"tw'])
    expect(shown(piecesOf('  {"type":"assis'))).toEqual(['cut:   {"type":"assis'])
  })

  test("takes other values, and things that only look like objects, for text", () => {
    for (const line of ["42", '"text"', "[1,2]", "null", "{", "}", "{ foo: 1 }", '":"half"}', "{}}"]) {
      expect(piecesOf(line).some(({ kind }) => kind === "cut")).toBe(false)
    }
    expect(shown(piecesOf("{}}"))).toEqual([{}, "text: }"])
  })

  test("takes an object nested beyond reason for text, so that nobody runs out of stack", () => {
    const deep = `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`
    expect(piecesOf(deep).map(({ kind }) => kind)).toEqual(["cut"])
  })
})
