/** What `run` says in more than one way of running. */
import { again } from "../../again.ts"
import type { Settings } from "../../Config.ts"

/** The command that reads what was recorded: from the hub, or from the journal where none is configured. */
export const howToRead = ({ url }: Pick<Settings, "url">, id: string): string =>
  again(url === undefined ? `agent-sync export ${id} --format md` : `agent-sync tail --session ${id}`)
