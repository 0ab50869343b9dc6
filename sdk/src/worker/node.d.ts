/** What `sha256.ts` uses of `node:crypto`, in workerd's own form: the types of Node contradict those of Workers. */
declare module "node:crypto" {
  export const createHash: (algorithm: "sha256") => {
    readonly update: (bytes: Uint8Array) => { readonly digest: () => Uint8Array }
  }
}
