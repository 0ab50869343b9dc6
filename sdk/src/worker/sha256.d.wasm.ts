/** A module, where the bundler knows such; else whatever it makes of a file it does not know. */
declare const module: unknown
export default module
