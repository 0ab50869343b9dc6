/** @jsxImportSource preact */
/** A picture of the session. */
import { clean } from "agent-sync/events"
import type { Picture } from "../timeline/Item.ts"
import { bytes } from "../words.ts"

/** Only what the event holds is drawn, and only as one of these: an address is never fetched, and SVG is left out. */
const PICTURES = /^image\/(png|jpeg|gif|webp|avif|bmp)$/
const LARGEST = 8_000_000

export const Shot = ({ picture }: { picture: Picture }) => {
  const { bytes: content, mediaType, name, size } = picture
  const note = [name === undefined ? mediaType : clean(name), bytes(size)].join(", ")
  const drawn = content !== undefined && content.byteLength <= LARGEST && PICTURES.test(mediaType)
  return (
    <>
      {drawn ? <img class="shot" src={dataUrl(mediaType, content)} alt={`In the session: ${note}`} /> : null}
      <p class="shot-note">{drawn ? note : `Image, ${note}${content === undefined ? ", not recorded" : ""}`}</p>
    </>
  )
}
const urls = new WeakMap<Uint8Array, string>()
const dataUrl = (mediaType: string, content: Uint8Array) => {
  const known = urls.get(content)
  if (known !== undefined) return known
  let text = ""
  for (let at = 0; at < content.byteLength; at += 8_192)
    text += String.fromCharCode(...content.subarray(at, at + 8_192))
  const url = `data:${mediaType};base64,${btoa(text)}`
  urls.set(content, url)
  return url
}
