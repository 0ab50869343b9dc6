/** `bun run check`: types in every world, lint and format, and the floors. Everything is run, then the verdict. */
const bin = (name: string) => [process.execPath, "x", name]
const steps: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
  ["types: Bun (cli, sdk, tests)", [...bin("tsc"), "-p", "."]],
  ["types: any platform (sdk)", [...bin("tsc"), "-p", "sdk"]],
  ["types: workerd (sdk/src/worker, worker-template)", [...bin("tsc"), "-p", "tests/worker"]],
  ["types: browser (viewer)", [...bin("tsc"), "-p", "viewer-static"]],
  ["lint and format", [...bin("biome"), "check", "--error-on-warnings", "."]],
  ["floors and packages", [process.execPath, "test", "tests/floors.test.ts", "tests/packages.test.ts"]]
]

let failed = 0
for (const [name, command] of steps) {
  const { exitCode, stderr, stdout } = Bun.spawnSync([...command], { stdout: "pipe", stderr: "pipe" })
  console.log(`${exitCode === 0 ? "ok    " : "failed"} ${name}`)
  if (exitCode === 0) continue
  failed++
  process.stdout.write(stdout)
  process.stderr.write(stderr)
}
process.exit(failed === 0 ? 0 : 1)
