/** `bun run check`: types in every world, lint and format, and the floors. Everything is run, side by side, then the verdict. */
const bin = (name: string) => [process.execPath, "x", name]
const steps: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
  ["types: Bun (cli, sdk, tests)", [...bin("tsc"), "-p", "."]],
  ["types: any platform (sdk)", [...bin("tsc"), "-p", "sdk"]],
  ["types: workerd (sdk/src/worker, worker-template)", [...bin("tsc"), "-p", "tests/worker"]],
  ["types: browser (viewer)", [...bin("tsc"), "-p", "viewer-static"]],
  ["lint and format", [...bin("biome"), "check", "--error-on-warnings", "."]],
  ["floors and packages", [process.execPath, "test", "tests/floors.test.ts", "tests/packages.test.ts"]]
]

const run = async ([name, command]: (typeof steps)[number]) => {
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: "pipe", stderr: "pipe" })
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited
  ])
  console.log(`${code === 0 ? "ok    " : "failed"} ${name}`)
  if (code !== 0) console.log(`${stdout}${stderr}`)
  return code
}

const codes = await Promise.all(steps.map(run))
process.exit(codes.every((code) => code === 0) ? 0 : 1)
