/** The Worker's own SHA-256 is the one of everybody else, and what is shipped of it is made of its text. */
import { expect, test } from "bun:test"
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { wasmOf } from "../../cli/wasm.ts"
import { sha256With } from "../../sdk/src/worker/sha256.ts"

const shipped = readFileSync(join(import.meta.dir, "../../sdk/src/worker/sha256.wasm"))
const expected = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex")

test("bytes of every length up to two kilobytes and some above have the hash that Node says they have", () => {
  const sha256 = sha256With(new WebAssembly.Module(shipped))
  const bytes = Uint8Array.from({ length: 2_200 }, (_, i) => (i * 31) ^ (i >> 3))
  // Longer and shorter in turns: nothing of what was hashed before is left.
  for (let length = 0; length <= bytes.length; length++) {
    for (const one of [bytes.subarray(0, length), bytes.subarray(length)]) {
      expect(Buffer.from(sha256(one)).toString("hex")).toBe(expected(one))
    }
  }
})

test("where a bundler made no module of the file, the platform hashes all of it", () => {
  const sha256 = sha256With("./sha256-9f3a.wasm")
  for (const length of [0, 1, 55, 56, 64, 370, 5_000]) {
    const bytes = new Uint8Array(length).fill(7)
    expect(Buffer.from(sha256(bytes)).toString("hex")).toBe(expected(bytes))
  }
})

test("what is shipped is what the text says", async () => {
  expect(Buffer.from(await wasmOf("sha256.wat")).equals(shipped)).toBe(true)
})
