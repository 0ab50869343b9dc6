/** What the grammar has to know before anything is loaded. */

/** Port of `agent-sync dev`, and of the dev preset. */
export const DEV_PORT = 8787
