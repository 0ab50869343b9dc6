/** The primitives we take from libraries, held to the vectors of the documents that define them. AES-GCM: `suites/aead.ts`. */
import { expect, test } from "bun:test"
import { ed25519, x25519 } from "@noble/curves/ed25519.js"
import { hkdf } from "@noble/hashes/hkdf.js"
import { sha256 } from "@noble/hashes/sha2.js"
import { counting, hex, unhex } from "./fixed.ts"

test("X25519 agrees as in RFC 7748, 6.1", () => {
  const alice = unhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
  const bob = unhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
  expect(hex(x25519.getPublicKey(alice))).toBe("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")
  expect(hex(x25519.getPublicKey(bob))).toBe("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")
  const shared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"
  expect(hex(x25519.getSharedSecret(alice, x25519.getPublicKey(bob)))).toBe(shared)
  expect(hex(x25519.getSharedSecret(bob, x25519.getPublicKey(alice)))).toBe(shared)
})

test("Ed25519 signs as in RFC 8032, 7.1, test 1", () => {
  const seed = unhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
  const signer = ed25519.getPublicKey(seed)
  expect(hex(signer)).toBe("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
  const signature = ed25519.sign(new Uint8Array(0), seed)
  expect(hex(signature)).toBe(
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
  )
  expect(ed25519.verify(signature, new Uint8Array(0), signer)).toBe(true)
})

test("HKDF-SHA-256 derives as in RFC 5869, A.1", () => {
  expect(hex(hkdf(sha256, new Uint8Array(22).fill(0x0b), counting(0, 13), counting(0xf0, 10), 42))).toBe(
    "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
  )
})
