/** @jsxImportSource preact */
/** The page: the bar that is always there, and below it the fleet, a session, or the one sentence that says why there is neither. */
import type { ComponentChildren } from "preact"
import { titleOf } from "../fleet.ts"
import { type Model, sessionOf } from "../Model.ts"
import type { Row } from "../timeline/rows.ts"
import type { Message } from "../update.ts"
import { clockOf } from "../words.ts"
import { FleetPage } from "./FleetPage.tsx"
import type { Hands } from "./Head.tsx"
import { Icon, type Shape } from "./icons.tsx"
import type { Scroller } from "./List.tsx"
import { SessionPage } from "./SessionPage.tsx"
import { Status } from "./Status.tsx"

export interface AppProps {
  readonly model: Model
  readonly send: (message: Message) => void
  readonly scroller: { current: Scroller | undefined }
  readonly drawn: { current: ReadonlyArray<Row> }
  readonly hands: Hands & { readonly theme: () => void; readonly retry: () => void }
}

export const App = (props: AppProps) => {
  const { hands, model, send } = props
  const session = sessionOf(model)
  const log = session === undefined ? undefined : model.logs.get(session.log)
  const offline = model.connection._tag === "Offline" && model.sessions.size > 0 ? model.connection : undefined
  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault()
          document.getElementById("main")?.querySelector<HTMLElement>("a, button, input, [tabindex]")?.focus()
        }}
      >
        Skip to content
      </a>
      <header class="bar">
        {model.route.page === "session" ? (
          <a class="icon-btn back" href="#" aria-label="All sessions">
            <Icon name="back" />
          </a>
        ) : null}
        <a class="brand" href="#">
          agent-sync
        </a>
        {model.tenant === undefined ? null : <span class="crumb tenant">{model.tenant}</span>}
        {session === undefined || model.route.page === "fleet" || model.connection._tag === "Refused" ? null : (
          <span class="crumb cut here-title">
            <span class="cut" dir="auto">
              {titleOf(session, log)}
            </span>
          </span>
        )}
        <span class="grow" />
        <Status model={model} send={send} />
        <button
          class="icon-btn help-btn"
          type="button"
          aria-label="Keys"
          onClick={() => send({ _tag: "Help", open: true })}
        >
          <Icon name="help" />
        </button>
        <button class="icon-btn" type="button" aria-label="Switch between light and dark" onClick={hands.theme}>
          <Icon name="theme" />
        </button>
      </header>
      {offline === undefined ? null : (
        <div class="notice">
          <div>
            <Icon name="offline" />
            <span>Offline since {clockOf(offline.since)}. What is here stays; it goes on by itself.</span>
            <button type="button" onClick={hands.retry}>
              Try now
            </button>
          </div>
        </div>
      )}
      <Content {...props} />
      {model.help ? <Keys model={model} send={send} /> : null}
      <div class="toast" role="status" aria-live="polite">
        {model.toast === undefined ? null : <span>{model.toast}</span>}
      </div>
    </>
  )
}

const Content = (props: AppProps) => {
  const { drawn, hands, model, scroller, send } = props
  const blocked = blockedOf(model, hands)
  if (blocked !== undefined) return blocked
  if (model.route.page === "fleet") return <FleetPage model={model} send={send} />
  const session = sessionOf(model)
  const log = session === undefined ? undefined : model.logs.get(session.log)
  if (session === undefined || log === undefined) {
    if (!model.indexRead) return <main id="main" class="plain" />
    return (
      <Plain shape="search" title="There is no such session here">
        <p>
          The link names a session that this tenant’s index does not have. It may have been recorded under another key.
        </p>
        <p class="fine">
          <a class="link" href="#">
            All sessions
          </a>
        </p>
      </Plain>
    )
  }
  return (
    <SessionPage
      model={model}
      session={session}
      log={log}
      send={send}
      scroller={scroller}
      drawn={drawn}
      hands={hands}
    />
  )
}

const blockedOf = (model: Model, hands: AppProps["hands"]): ComponentChildren | undefined => {
  const { connection } = model
  switch (model.blocked) {
    case "no key":
      return (
        <Plain shape="key" title="This page has no key">
          <p>
            Sessions are sealed before they leave your machine. The key travels in the link, after the #, and never
            reaches the server. The address you opened has none.
          </p>
          <Command text="agent-sync viewer" copy={hands.copy} />
          <Command text="agent-sync share SESSION" copy={hands.copy} />
          <p class="fine">
            The first opens this page here with your key. The second makes a link to one session, for another device or
            person.
          </p>
        </Plain>
      )
    case "bad key":
      return (
        <Plain shape="key" title="The key in the link is not whole" bad>
          <p>
            A reader key begins with asr1 and ends with a checksum. This one does not check; it may have been cut while
            it was copied.
          </p>
          <Command text="agent-sync viewer" copy={hands.copy} />
          <p class="fine">
            This opens the page with the key of the machine you are at. A recorder key (asw1) cannot open anything.
          </p>
        </Plain>
      )
    case "bad link":
      return (
        <Plain shape="key" title="The link is not whole" bad>
          <p>
            A share link ends with a checksum, and this one does not check; it may have been cut while it was copied, or
            broken over two lines.
          </p>
          <p class="fine">Copy it again, whole, or ask whoever shared the session with you for a new link.</p>
        </Plain>
      )
    case "newer link":
      return (
        <Plain shape="key" title="This page cannot read such a link" bad>
          <p>
            A newer agent-sync made it than the one that this page comes from. Nothing is wrong with the link itself.
          </p>
          <p class="fine">Ask whoever shared the session with you to bring their hub up to date: agent-sync deploy.</p>
        </Plain>
      )
    case "wrong key":
      return (
        <Plain shape="key" title={`This key does not open tenant ${model.tenant ?? ""}`} bad>
          <p>The hub has entries of the tenant and none opens with it. Nothing is lost; another key sealed them.</p>
          <Command text="agent-sync viewer" copy={hands.copy} />
          <p class="fine">Run it on the machine that has the tenant’s reader key; it opens this page with it.</p>
        </Plain>
      )
    case "insecure":
      return (
        <Plain shape="key" title="This address is not safe for a key" bad>
          <p>A browser opens sealed entries only on https or on this machine itself. Nothing has been read.</p>
          <Command text="agent-sync viewer" copy={hands.copy} />
          <p class="fine">It serves the page at 127.0.0.1.</p>
        </Plain>
      )
  }
  if (connection._tag === "Refused") {
    const { error, fix } = connection
    return (
      <Plain shape="refused" title="The hub refused" bad>
        <p>
          It says: <q>{fix === undefined ? error : `${error} ${fix}`}</q>
        </p>
        <p>Sessions and keys are untouched. What was shown has been cleared.</p>
        {model.shared ? (
          <p class="fine">Ask whoever shared this session with you for a new link.</p>
        ) : (
          <Command text="agent-sync doctor" copy={hands.copy} />
        )}
      </Plain>
    )
  }
  if (model.sessions.size > 0 || (model.indexRead && model.route.page === "session")) return undefined
  if (model.hub === "none") {
    return (
      <Plain shape="offline" title="No hub is configured">
        <p>This machine records into its own journal, and nothing is sent. The page shows what a hub has.</p>
        <Command text="agent-sync dev" copy={hands.copy} />
        <Command text="agent-sync init" copy={hands.copy} />
        <p class="fine">The first is a hub on this machine; the second sets one up on your own Cloudflare.</p>
      </Plain>
    )
  }
  if (connection._tag === "Offline") {
    return (
      <Plain shape="offline" title="The hub cannot be reached">
        <p>
          {connection.why} Nothing is lost: what is recorded waits in the journals and is sent when it answers. This
          page goes on by itself.
        </p>
        <Command text="agent-sync doctor" copy={hands.copy} />
        <p class="fine">
          <button type="button" class="link" onClick={hands.retry}>
            Try now
          </button>
        </p>
      </Plain>
    )
  }
  if (!model.indexRead) return <main id="main" class="plain" />
  return (
    <Plain shape="idle" title={`Nothing recorded for ${model.tenant ?? "this tenant"} yet`}>
      <p>Sessions stand here as soon as one is recorded. This page is connected and waits.</p>
      <Command text={'agent-sync run -- claude -p "fix it" --output-format stream-json --verbose'} copy={hands.copy} />
    </Plain>
  )
}

/** A hub's next step is a command or a sentence, and speaks to whoever holds a token; who has a link can only ask for another. */
const Plain = ({
  bad = false,
  children,
  shape,
  title
}: {
  shape: Shape
  title: string
  bad?: boolean
  children: ComponentChildren
}) => (
  <main id="main" class="plain">
    <div class={`msg${bad ? " no" : ""}`}>
      <Icon name={shape} />
      <h1>{title}</h1>
      {children}
    </div>
  </main>
)

const Command = ({ copy, text }: { text: string; copy: (text: string) => void }) => (
  <div class="cmdline">
    <code>{text}</code>
    <button type="button" onClick={() => copy(text)}>
      Copy
    </button>
  </div>
)

const KEYS: ReadonlyArray<readonly [string, ...Array<string>]> = [
  ["Next, previous event", "j", "k"],
  ["Find", "/"],
  ["Next, previous turn", "J", "K"],
  ["Next, previous failure", "e", "E"],
  ["First event", "g"],
  ["Newest, and follow", "G"],
  ["Open or fold", "Enter"],
  ["Open or fold this turn", "x"],
  ["Raw event", "r"],
  ["Copy link to event", "y"],
  ["Timeline to audit", "1", "2", "3", "4"],
  ["Next that waits", "w"],
  ["Replay, pause", "Space"],
  ["One event back, forward", ",", "."],
  ["Back to all sessions", "u"],
  ["This list", "?"]
]

const Keys = ({ model, send }: { model: Model; send: (message: Message) => void }) => (
  <div class="veil">
    <section class="sheet" role="dialog" aria-modal="true" aria-labelledby="keys-title">
      <div class="sheet-head">
        <h2 id="keys-title">Keys</h2>
        <span class="grow" />
        <button id="close-keys" type="button" class="link" onClick={() => send({ _tag: "Help", open: false })}>
          Close
        </button>
      </div>
      <dl class="keys">
        {KEYS.map(([what, ...keys]) => (
          <div key={what}>
            <dt>{what}</dt>
            <dd>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
      <label class="single">
        <input
          type="checkbox"
          checked={model.singleKeys}
          onChange={(event) => send({ _tag: "SingleKeys", on: event.currentTarget.checked })}
        />{" "}
        Single keys are on
      </label>
    </section>
  </div>
)
