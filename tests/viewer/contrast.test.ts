/** The colours of the page, computed from its style sheet: text is readable on every ground it may stand on, in both themes. */
import { expect, test } from "bun:test"
import { join } from "node:path"

const sheet = await Bun.file(join(import.meta.dir, "../../viewer-static/styles/tokens.css")).text()
const colours = new Map(
  [...sheet.matchAll(/--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)/g)].map(
    ([, name, light, dark]) => [name!, { light: light!, dark: dark! }] as const
  )
)
type Theme = "light" | "dark"

/** WCAG 2.2, relative luminance. */
const luminance = (hex: string) => {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!
}
const contrast = (one: string, other: string, theme: Theme) => {
  const [a, b] = [one, other].map((name) => luminance(colours.get(name)![theme])).sort((x, y) => y - x)
  return (a! + 0.05) / (b! + 0.05)
}

/** Text by the grounds it stands on. */
const grounds = ["page", "surface", "sunken", "hover", "accent-wash"]
const pairs: ReadonlyArray<readonly [string, string]> = [
  ...["ink", "ink-2", "ink-3", "accent", "run", "wait", "fail"].flatMap((text) =>
    grounds.map((on) => [text, on] as const)
  ),
  ...["ink", "wait"].map((text) => [text, "wait-wash"] as const),
  ...["ink", "fail"].map((text) => [text, "fail-wash"] as const),
  ...["syn-word", "syn-text", "syn-note", "ink"].flatMap((text) =>
    ["surface", "add-wash", "del-wash"].map((on) => [text, on] as const)
  ),
  ["add", "add-wash"],
  ["del", "del-wash"],
  ["ink", "add-word"],
  ["ink", "del-word"],
  ["page", "ink"]
]

for (const theme of ["light", "dark"] as const) {
  test(`${theme}: every text has 4.5 to 1, and the borders of controls 3 to 1`, () => {
    expect(colours.size).toBeGreaterThan(25)
    expect(pairs.filter(([text, on]) => contrast(text, on, theme) < 4.5)).toEqual([])
    expect(["page", "surface"].filter((on) => contrast("line-strong", on, theme) < 3)).toEqual([])
  })
}
