/** The version that a hub tells of itself and that drew a file; a test holds it to package.json's. */
export const VERSION = "0.1.0"
