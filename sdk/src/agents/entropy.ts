/**
 * Secrets of no known shape: runs of letters and digits that no person and no compiler would write, found by how
 * evenly their characters are spread. Names, paths, ids of agents, UUIDs, hashes and pieces of base64 are not of that
 * kind; where a run stands behind a name such as `token =`, less is asked of it.
 */

/** One run, at its beginning: bounded, so that the search stays linear. Longer ones are data, not secrets. */
export const runs = /(?<![A-Za-z0-9+/_=.-])[A-Za-z0-9+/_-]{20,128}(?![A-Za-z0-9+/_-])={0,2}/g

/** Bits for each character; random letters and digits have 4.5 at 32 characters and 5.2 at 64. */
const BITS = 4.1
const BITS_LABELLED = 3.5
/** Characters below which an unlabelled run says nothing. */
const LONG = 32
/** How often, for each character, the kind (lower, upper, digit) changes: 0.6 where it is random, 0.25 in `someName2`. */
const CHANGES = 0.38
const CHANGES_LABELLED = 0.25
/** Characters before a run in which its name stands. */
const BEFORE = 64

const LABEL =
  /(?:api[_-]?key|secret|token|passw(?:or)?d|credential|auth[_-]?key|access[_-]?key|private[_-]?key)[\w-]{0,20}\\{0,3}["'`]?\s{0,3}(?:[:=]{1,2}|=>)\s{0,3}\\{0,3}["'`]?$/i
/** What stands before digests of packages and images. */
const DIGEST = /(?:sha\d{1,3}[:=-]|md5[:=-]|integrity\W{1,5}|base64,|data:[\w/+.-]{1,60},)$/i
/** A file's ending: bundlers name files by hashes. */
const FILE = /^\.[a-z][a-z0-9]{0,4}(?![\w.])/
/** Ids that agents and their APIs give to things. They say what they are by how they begin. */
const IDS =
  /^(?:toolu|srvtoolu|msg|call|req|resp|chatcmpl|cmpl|fc|rs|ws|ctc|lsh|item|run|thread|turn|sess|session|file|asst|step|event|evt|batch|conv|task|agent|hook|part|prt|ses|wrk|per|tool|snap|rollout|asw1|cursor|gen|sha\d{1,3}|org|proj|user|acct|cus|sub|in|pi|ch|price|prod)[_-]/i

/** Whether a run looks random. `text` is where it stands, from `at` on. */
export const looksRandom = (run: string, text: string, at: number): boolean => {
  if (IDS.test(run)) return false
  const before = text.slice(Math.max(0, at - BEFORE), at)
  const after = text.slice(at + run.length, at + run.length + 8)
  if (DIGEST.test(before) || FILE.test(after)) return false
  const labelled = LABEL.test(before)
  if (!labelled && run.length < LONG) return false
  if (!/[0-9]/.test(run) || !/[A-Za-z]/.test(run)) return false
  // Hexadecimal alone is a hash or an id, unless its name says otherwise.
  if (!labelled && !(/[a-z]/.test(run) && /[A-Z]/.test(run))) return false
  return (
    bitsOf(run) >= (labelled ? BITS_LABELLED : BITS) &&
    changesOf(run) >= (labelled ? CHANGES_LABELLED : CHANGES) &&
    !isWords(run) &&
    (labelled || !isPieceOfData(run, text, at))
  )
}

/** A line of base64 among others, or below a line of dashes: a certificate, an image that was printed. */
const isPieceOfData = (run: string, text: string, at: number) => {
  const before = text.slice(Math.max(0, at - BEFORE), at)
  const after = text.slice(at + run.length, at + run.length + BEFORE)
  const above = /(?:^|[-A-Za-z0-9+/=]{20}|-----)(?:\r?\n|\\{1,2}n)[ \t0-9>|→]{0,12}$/.test(before)
  const below = /^={0,2}(?:\r?\n|\\{1,2}n)[ \t0-9>|→]{0,12}(?:[A-Za-z0-9+/]{20}|-----)/.test(after)
  return (above && /^={0,2}(?:\s|\\|$)/.test(after)) || (below && /(?:^|\n|\\n|→|\t)$/.test(before))
}

/** Letters for each piece that a person would take for a word: 2.2 where it is random, 4 in `FromDefAndSpec2TraceRefs`. */
const WORD = 3
/** A name, a path, a slug: made of what a person would take for words, of numbers, and of pieces of ids. */
const isWords = (run: string) => {
  if (readsAsWords(run)) return true
  const parts = run.split(/[/_+-]/).filter((part) => part !== "")
  const plain = parts.filter((part) => part.length < 3 || /^[0-9a-f.]+$/.test(part) || readsAsWords(part))
  return parts.length >= 3 && plain.length * 3 >= parts.length * 2
}
const readsAsWords = (text: string) => {
  const words = text.match(/[A-Z]?[a-z]+|[A-Z]+/g) ?? []
  return words.length > 0 && words.join("").length >= WORD * words.length
}

const bitsOf = (run: string) => {
  const counts = new Map<string, number>()
  for (const character of run) counts.set(character, (counts.get(character) ?? 0) + 1)
  let bits = 0
  for (const count of counts.values()) bits -= (count / run.length) * Math.log2(count / run.length)
  return bits
}

const kindOf = (code: number) => (code < 58 ? 0 : code < 91 ? 1 : 2)
const changesOf = (run: string) => {
  let changes = 0
  for (let at = 1; at < run.length; at++) {
    if (kindOf(run.charCodeAt(at)) !== kindOf(run.charCodeAt(at - 1))) changes++
  }
  return changes / run.length
}
