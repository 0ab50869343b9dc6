/** `#viewer/style`: the page's style as one text, for a file that carries its own; without what only the fleet needs. */
import events from "../../styles/events.css" with { type: "text" }
import file from "../../styles/export.css" with { type: "text" }
import narrow from "../../styles/narrow.css" with { type: "text" }
import page from "../../styles/page.css" with { type: "text" }
import session from "../../styles/session.css" with { type: "text" }
import tokens from "../../styles/tokens.css" with { type: "text" }

/** Without what is for those who write it. */
export default [tokens, page, session, events, file, narrow]
  .join("\n")
  .replace(/\/\*.*?\*\//gs, "")
  .replace(/\n\s*/g, "\n")
