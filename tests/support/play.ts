/** Prints a file line by line, like an agent that works: `bun play.ts FILE MILLISECONDS`. */
const [file = "", pause = "0"] = process.argv.slice(2)
for (const line of (await Bun.file(file).text()).split("\n")) {
  if (line === "") continue
  await Bun.sleep(Number(pause))
  await new Promise<void>((done) => process.stdout.write(`${line}\n`, () => done()))
}
