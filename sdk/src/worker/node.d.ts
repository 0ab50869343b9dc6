/** What `sha256.ts` uses of `node:crypto`, in workerd's own form: the types of Node contradict those of Workers. */
declare module "node:crypto" {
  export const hash: (algorithm: "sha256", bytes: Uint8Array, encoding: "buffer") => Uint8Array
}
