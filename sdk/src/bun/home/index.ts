/** What this machine keeps for agent-sync, and what is configured on it: the one set of rules of programs and command line. */
export * from "./ConfigFile.ts"
export * from "./Folders.ts"
export * from "./keys.ts"
