/**
 * What redaction takes out of real sessions, by rule: `bun tests/bench/redaction-hits.ts FOLDER [--show]`. Every string of
 * every JSON line is searched; `--show` prints each hit with what stands around it, to be judged by a person.
 */
import { join } from "node:path"
import { makeRedactor } from "agent-sync/agents"
import { Glob } from "bun"

const [folder = ".", show] = process.argv.slice(2)
const redactor = makeRedactor({ key: new Uint8Array(32) })
const hits = new Map<string, { all: number; readonly texts: Set<string> }>()
let strings = 0
let characters = 0
let lines = 0

const search = (value: unknown): void => {
  if (typeof value === "string") {
    strings++
    characters += value.length
    const safe = redactor.text(value, (rule) => {
      const known = hits.get(rule) ?? { all: 0, texts: new Set<string>() }
      known.all++
      hits.set(rule, known)
    })
    if (safe === value) return
    for (const found of safe.matchAll(/\[redacted:([a-z0-9-]+)#[0-9a-f]+\]/g)) {
      const before = safe.slice(Math.max(0, found.index - 40), found.index)
      const at = value.indexOf(before) + before.length
      hits.get(found[1] ?? "")?.texts.add(`${before}⟦${value.slice(at, at + 60)}⟧`.replace(/\s+/g, " "))
    }
    return
  }
  if (typeof value === "object" && value !== null) for (const one of Object.values(value)) search(one)
}

const began = performance.now()
for (const name of new Glob("**/*.{jsonl,json}").scanSync(folder)) {
  for (const line of (await Bun.file(join(folder, name)).text()).split("\n")) {
    lines++
    try {
      search(JSON.parse(line))
    } catch {
      search(line)
    }
  }
}
const seconds = (performance.now() - began) / 1000
console.log(
  `${lines} lines, ${strings} strings, ${(characters / 1e6).toFixed(1)} M characters, ${(lines / seconds).toFixed(0)} lines/s`
)
for (const [rule, { all, texts }] of [...hits].toSorted((a, b) => b[1].all - a[1].all)) {
  console.log(`${String(all).padStart(6)}  ${rule}`)
  if (show === "--show") for (const text of [...texts].slice(0, 40)) console.log(`          ${text}`)
}
