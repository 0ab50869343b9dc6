/**
 * The Worker's SHA-256. Of what Workers offer only `node:crypto` answers at once (workerd has it without the flag
 * `nodejs_compat` at the template's compatibility date, seen with workerd 1.20261117), and each call of it makes a stream:
 * some 20 µs. A small write is hashed in WebAssembly instead, which costs next to nothing (decision 0020).
 */
import { hash } from "node:crypto"
import wasm from "./sha256.wasm"

/** Bytes from which on the platform's hash, which is the faster one by the byte, has won back what calling it costs. */
const SHORT = 2_048

const platform = (bytes: Uint8Array): Uint8Array => new Uint8Array(hash("sha256", bytes, "buffer"))

/** Of `sha256.wat`. A bundler that knows no WebAssembly modules gives something else: then everything is the platform's. */
export const sha256With = (module: unknown): ((bytes: Uint8Array) => Uint8Array) => {
  if (!(module instanceof WebAssembly.Module)) return platform
  const { digest, input, memory, sha256 } = new WebAssembly.Instance(module).exports as unknown as Exports
  const [from, to] = [input.value, digest.value]
  const all = new Uint8Array(memory.buffer)
  return (bytes) => {
    if (bytes.byteLength > SHORT) return platform(bytes)
    all.set(bytes, from)
    sha256(bytes.byteLength)
    return all.slice(to, to + 32)
  }
}

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer }
  readonly input: { readonly value: number }
  readonly digest: { readonly value: number }
  readonly sha256: (length: number) => void
}

export const sha256 = sha256With(wasm)
