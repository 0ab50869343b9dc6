/**
 * For bundles that run in a browser: `@hpke/common` asks Node's `crypto` where there is no WebCrypto, and Bun's bundler
 * brings a polyfill of it, 150 kB when compressed. A page without WebCrypto is refused before that line is reached.
 */
import type { BunPlugin } from "bun"

export const withoutPolyfill: BunPlugin = {
  name: "no polyfill of Node's crypto",
  setup: (build) => {
    build.onResolve({ filter: /^(node:)?crypto$/ }, () => ({ path: "crypto", namespace: "nothing" }))
    build.onLoad({ filter: /.*/, namespace: "nothing" }, () => ({
      contents: "export const webcrypto = undefined",
      loader: "js"
    }))
  }
}
