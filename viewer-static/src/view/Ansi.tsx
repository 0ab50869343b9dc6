/** @jsxImportSource preact */
/** Output of a terminal: its colours, mapped to the page's own few so that both themes can be read. Anything else is gone. */

import { cleanButColours } from "agent-sync/events"
import Anser from "anser"

/** The eight of a terminal, by the page's class; the bright ones are the same. */
const CLASSES = ["a-dim", "a-red", "a-green", "a-yellow", "a-cyan", "a-word", "a-cyan", ""]
const NAMES = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"]

export const Ansi = ({ text }: { readonly text: string }) => {
  const cleaned = cleanButColours(text)
  if (!cleaned.includes("\x1b")) return <>{cleaned}</>
  return (
    <>
      {Anser.ansiToJson(cleaned, { json: true, use_classes: true, remove_empty: true }).map((piece, key) => {
        const name = classOf(piece.fg ?? "", piece.fg_truecolor ?? "", piece.decorations ?? [])
        return name === "" ? (
          piece.content
        ) : (
          <span key={key} class={name}>
            {piece.content}
          </span>
        )
      })}
    </>
  )
}

const classOf = (fg: string, truecolor: string, decorations: ReadonlyArray<string>) => {
  const names: Array<string> = []
  if (decorations.includes("bold") || decorations.includes("reverse")) names.push("a-b")
  if (decorations.includes("dim")) names.push("a-dim")
  const hue = hueOf(fg, truecolor)
  if (hue !== "") names.push(hue)
  return names.join(" ")
}

const hueOf = (fg: string, truecolor: string) => {
  if (fg === "ansi-truecolor") return nearest(truecolor.split(",").map(Number))
  const palette = /^ansi-palette-(\d+)$/.exec(fg)?.[1]
  if (palette !== undefined) return nearest(cubeOf(Number(palette)))
  const index = NAMES.indexOf(fg.replace(/^ansi-(bright-)?/, ""))
  return fg.startsWith("ansi-bright-black") ? "a-dim" : (CLASSES[index] ?? "")
}

/** Of the 256 colours: 16 to 231 are a cube of six levels a side, the rest greys. */
const cubeOf = (index: number): ReadonlyArray<number> => {
  if (index >= 232) return [8, 8, 8].map(() => 8 + (index - 232) * 10)
  const at = index - 16
  return [Math.floor(at / 36), Math.floor(at / 6) % 6, at % 6].map((level) => (level === 0 ? 0 : 55 + level * 40))
}

const nearest = ([red = 0, green = 0, blue = 0]: ReadonlyArray<number>) => {
  const most = Math.max(red, green, blue)
  const least = Math.min(red, green, blue)
  if (most - least < 40) return most < 140 ? "a-dim" : ""
  if (red === most) return green > (red + blue) / 2 + 20 ? "a-yellow" : blue > green + 60 ? "a-word" : "a-red"
  return green === most ? "a-green" : red > green + 40 ? "a-word" : "a-cyan"
}
