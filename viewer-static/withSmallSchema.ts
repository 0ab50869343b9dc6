/** For the page's bundle: shapes are checked by `SmallSchema.ts`; Effect's own Schema is 50 kB when compressed, its runtime with it. */
import { join } from "node:path"
import type { BunPlugin } from "bun"

export const withSmallSchema: BunPlugin = {
  name: "a small Schema",
  setup: (build) => {
    build.onResolve({ filter: /^effect\/Schema$/ }, () => ({ path: join(import.meta.dir, "SmallSchema.ts") }))
  }
}
