/**
 * What keys the marks of redacted secrets: derived from the writer's key, so that a secret has one mark in all of a writer's
 * sessions and nobody without that key can test a guess.
 */
import { hmac } from "@noble/hashes/hmac.js"
import { sha256 } from "@noble/hashes/sha2.js"
import { utf8ToBytes } from "@noble/hashes/utils.js"
import * as Either from "effect/Either"
import type { RedactionOptions } from "../agents/Redaction.ts"
import type { Journal } from "./Journal.ts"

/** Empty where the journal cannot be read: marks then have no hash. */
export const markKeyOf = (journal: Journal): Pick<RedactionOptions, "key"> => {
  const logs = Either.getOrElse(journal.logs(), () => [])
  const key = logs.find(({ kind }) => kind === "index")?.key
  return key === undefined ? {} : { key: hmac(sha256, key, utf8ToBytes("agent-sync redaction 1")) }
}
