/**
 * Prints a file line by line, like an agent that works: `bun play.ts FILE MILLISECONDS [GATE LINE]`. Before line LINE it waits
 * until the file GATE is there.
 */
import { existsSync } from "node:fs"

const [file = "", pause = "0", gate = "", at = "0"] = process.argv.slice(2)
const lines = (await Bun.file(file).text()).split("\n").filter((line) => line !== "")
for (const [number, line] of lines.entries()) {
  while (gate !== "" && number === Number(at) && !existsSync(gate)) await Bun.sleep(20)
  await Bun.sleep(Number(pause))
  await new Promise<void>((done) => process.stdout.write(`${line}\n`, () => done()))
}
