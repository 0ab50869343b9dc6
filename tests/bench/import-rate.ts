/**
 * How fast past sessions are recorded, and whether it stays so: a transcript of n and of 2n records is read into a new
 * journal on the disk, and then again with nothing new in it. `bun tests/bench/import-rate.ts [records]`
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { liveTimers, makeBacklog, makeReaderKey, makeSessionWriter, type SessionWriter } from "agent-sync"
import { openJournal } from "agent-sync/bun"
import * as Either from "effect/Either"
import { fileAt } from "../../cli/src/sessions/find.ts"
import { openFile, readInto } from "../../cli/src/sessions/read.ts"

const SESSION = "0b5f3c1e-0000-4000-8000-000000000001"
const many = Number(process.argv[2] ?? 20_000)

/** Prompts, replies, calls and results in about the sizes of recorded sessions (median 1 KB, some of 6 KB). */
const transcript = (records: number) => {
  const lines: Array<string> = []
  for (let n = 0; n < records; n++) {
    const chain = {
      parentUuid: n === 0 ? null : `u${n - 1}`,
      isSidechain: false,
      userType: "external",
      cwd: "/home/dev/project",
      sessionId: SESSION,
      version: "2.1.197",
      gitBranch: "main",
      uuid: `u${n}`,
      timestamp: new Date(Date.UTC(2026, 2, 1) + n * 1_000).toISOString()
    }
    const text = `line ${n}: the tests of module ${n % 97} pass again, with their names as before. `.repeat(
      n % 20 === 0 ? 60 : 6
    )
    const usage = { input_tokens: 10, output_tokens: n % 500, cache_read_input_tokens: 1_000 }
    const assistant = (block: object) => ({
      ...chain,
      type: "assistant",
      message: { id: `m${n}`, role: "assistant", model: "m", content: [block], stop_reason: null, usage }
    })
    const step = n % 4
    if (step === 0) lines.push(JSON.stringify({ ...chain, type: "user", message: { role: "user", content: text } }))
    else if (step === 1) lines.push(JSON.stringify(assistant({ type: "text", text })))
    else if (step === 2)
      lines.push(JSON.stringify(assistant({ type: "tool_use", id: `t${n}`, name: "Bash", input: { command: text } })))
    else {
      const content = [{ type: "tool_result", tool_use_id: `t${n - 1}`, content: text }]
      const toolUseResult = { stdout: text, stderr: "", interrupted: false }
      lines.push(JSON.stringify({ ...chain, type: "user", message: { role: "user", content }, toolUseResult }))
    }
  }
  return `${lines.join("\n")}\n`
}

const folder = mkdtempSync(join(tmpdir(), "agent-sync-bench-"))
try {
  const rate = async (records: number) => {
    const path = join(folder, `${SESSION}.jsonl`)
    const text = transcript(records)
    writeFileSync(path, text)
    const file = join(folder, `${records}.sqlite`)
    const opened = await openJournal({ file, keysFolder: join(folder, "keys"), key: makeReaderKey(), remotes: [] })
    const journal = Either.getOrThrow(opened)
    const backlog = makeBacklog({ timers: liveTimers, onTrouble: (failed) => console.error(failed.message) })
    const once = () => {
      const began = performance.now()
      const used = process.cpuUsage()
      let writer: SessionWriter | undefined
      const reader = openFile(
        fileAt(path)[0]!,
        (agent, session) => {
          writer ??= makeSessionWriter({ journal, backlog, agent, session, about: {}, wall: Date.now })
          return writer
        },
        Date.now
      )
      readInto(path, reader)
      reader.end()
      writer?.settle(true)
      const seconds = (performance.now() - began) / 1_000
      const { system, user } = process.cpuUsage(used)
      return {
        perSecond: records / seconds,
        perCpu: records / ((system + user) / 1e6),
        added: writer?.written().added ?? 0
      }
    }
    const first = once()
    const again = once()
    journal.close()
    const megabytes = text.length / 1e6
    console.log(
      `${records} records, ${megabytes.toFixed(1)} MB: ${Math.round(first.perSecond)} records/s, ${Math.round(first.perCpu)} per second of CPU (${first.added} entries); read again ${Math.round(again.perSecond)} records/s (${again.added} entries)`
    )
    return first.perSecond
  }
  await rate(Math.max(1_000, Math.round(many / 10)))
  const half = await rate(many)
  const whole = await rate(many * 2)
  console.log(`twice as many take ${((half / whole) * 2).toFixed(2)} times as long`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
