/** Loaded before every test file (`bunfig.toml`): hooks that hold for all of them. */
import { afterEach } from "bun:test"
import { undoAll } from "./undo.ts"

afterEach(undoAll)
