/** A page that only reads, for a server of the viewer to give out in the place of the viewer's own. */
import { join } from "node:path"
import { type Page, readPage } from "../../cli/src/commands/viewer/page.ts"
import { buildViewer } from "../../viewer-static/build.ts"
import { tempFolder } from "../support/cli.ts"
import { undoAll } from "../support/undo.ts"

/** Built anew, and read: nothing of it is left on disk. */
export const readingPage = async (): Promise<Page> => {
  const folder = tempFolder()
  await buildViewer(folder, join(import.meta.dir, "viewer.html"))
  const files = readPage(folder)
  await undoAll()
  return new Map(files).set("/", files.get("/viewer.html")!)
}
