#!/bin/sh
":" //; self=$(readlink -f "$0"); main=$(dirname "$self")/../../dist/cli/main.js
":" //; command -v bun >/dev/null 2>&1 && exec bun "$main" "$@"
":" //; command -v node >/dev/null 2>&1 && exec node "$self" "$@"
":" //; echo "agent-sync: runs on Bun, and there is none on this machine. Get it: https://bun.sh" >&2; exit 127

// The lines above are for a shell, which becomes Bun; for JavaScript they are nothing. What follows is for whoever runs
// this file with a JavaScript runtime: Bun goes on, Node says what is missing.
if (process.versions.bun !== undefined) await import("../../dist/cli/main.js")
else {
  process.stderr.write(
    "agent-sync: runs on Bun, and there is none on this machine.\nTry: npm install -g bun  (or see https://bun.sh)\n"
  )
  process.exitCode = 127
}
