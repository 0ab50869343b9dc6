/**
 * What a hub says to people: its refusals, and why it closes. Whoever runs a hub may say anything, so it is one line of bounded
 * length, stands in quotes, and is never a command to run: what to do next is said by us.
 */
import { flat } from "../domain/Shown.ts"

/** Characters of it that are kept. */
const MOST = 400

/** A hub's text as it may go on from where it came in: on one line, without anything a terminal acts on. */
export const hubWords = (text: string): string => flat(text, MOST)

/** Clearly as words of the hub: in quotes, and none within. */
export const quoted = (words: string): string => `"${words.replaceAll('"', "'")}"`

/** `The hub refused: "…"`. */
export const refusedBy = (
  hub: string,
  { error, fix }: { readonly error: string; readonly fix?: string | undefined }
): string => `${hub} refused: ${quoted(fix === undefined ? error : `${error} ${fix}`)}`
