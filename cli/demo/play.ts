/** Prints a recorded session to stdout as its agent did, line by line, with pauses a reader can follow. */
const [file] = process.argv.slice(2)
if (file === undefined) {
  process.stderr.write("play: no recording given\n")
  process.exit(2)
}

/** Milliseconds before a line: longer for what a person would read, next to nothing for the agent's own bookkeeping. */
const pauseBefore = (line: string) => {
  const { type } = JSON.parse(line) as { type?: string }
  if (type === "assistant") return 260
  if (type === "user") return 180
  return 20
}

for (const line of (await Bun.file(file).text()).split("\n")) {
  if (line === "") continue
  await Bun.sleep(pauseBefore(line))
  process.stdout.write(`${line}\n`)
}
