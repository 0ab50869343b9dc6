/** @jsxImportSource preact */
/** The page's shapes, 16 by 16. Each state has its own, so that none is told by colour alone. */
import type { ComponentChildren } from "preact"

/** Made anew where one is drawn: a node keeps what it was first drawn in. */
const shapes = {
  back: () => <path d="M10 3 5 8l5 5" />,
  theme: () => [<circle key="a" cx="8" cy="8" r="5.8" />, <path key="b" class="f" d="M8 2.2a5.8 5.8 0 0 1 0 11.6Z" />],
  search: () => [<circle key="a" cx="7" cy="7" r="4.6" />, <path key="b" d="m10.6 10.6 3.6 3.6" />],
  chevron: () => <path d="m6 3.4 4.6 4.6L6 12.6" />,
  prompt: () => <path d="m5 2.6 5.4 5.4L5 13.4" class="heavy" />,
  say: () => <circle class="f" cx="8" cy="8" r="3" />,
  think: () => <path d="M1.6 9.4c1.8-3.6 3.9-3.6 6.4-1.4s4.6 2.2 6.4-1.4" />,
  ok: () => <path d="m2.6 8.6 3.6 3.6 7.2-8" />,
  bad: () => <path d="m3.2 3.2 9.6 9.6m0-9.6-9.6 9.6" />,
  running: () => [<circle key="a" class="f" cx="8" cy="8" r="3.6" />, <circle key="b" cx="8" cy="8" r="6.6" />],
  asked: () => <path d="M8 1 15 8 8 15 1 8Z" />,
  waiting: () => <path class="f" d="M8 .8 15.2 8 8 15.2.8 8Z" />,
  warn: () => [<path key="a" d="M8 1.8 15 14H1Z" />, <path key="b" d="M8 6.4v3.4m0 1.9v.1" />],
  boundary: () => <path d="M2 5.4h12M2 10.6h12" />,
  end: () => <path d="M4 8h8" />,
  note: () => <path d="M5.5 8h5" />,
  idle: () => <circle cx="8" cy="8" r="5.6" />,
  ended: () => <rect x="3" y="3" width="10" height="10" rx="1" />,
  box: () => <rect x="2.6" y="2.6" width="10.8" height="10.8" rx="2" />,
  live: () => <circle class="f" cx="8" cy="8" r="5" />,
  connecting: () => <circle cx="8" cy="8" r="6" class="dashed" />,
  behind: () => [<circle key="a" cx="8" cy="8" r="6" />, <path key="b" class="f" d="M8 2a6 6 0 0 0 0 12Z" />],
  offline: () => [<circle key="a" cx="8" cy="8" r="6" />, <path key="b" d="M3.8 12.2 12.2 3.8" />],
  refused: () => [
    <path key="a" d="M5.4 1.6h5.2l3.8 3.8v5.2l-3.8 3.8H5.4l-3.8-3.8V5.4Z" />,
    <path key="b" d="m5.8 5.8 4.4 4.4m0-4.4-4.4 4.4" />
  ],
  key: () => [
    <circle key="a" cx="5.2" cy="10.8" r="3" />,
    <path key="b" d="m7.4 8.6 6-6m-2.2 2.2 2 2m-4-.2 1.4 1.4" />
  ],
  play: () => <path class="f" d="M5 3v10l8-5Z" />,
  pause: () => <path d="M5.5 3.5v9m5-9v9" class="heavy" />,
  down: () => <path d="M8 3v9.4m-4-4 4 4 4-4" />,
  export: () => <path d="M8 2v8m-3-3 3 3 3-3M2.6 11v2.6h10.8V11" />,
  help: () => [
    <path key="a" d="M5.8 6a2.2 2.2 0 1 1 3 2.1c-.6.3-.8.7-.8 1.4m0 2.3v.1" />,
    <circle key="b" cx="8" cy="8" r="6.4" />
  ]
} satisfies Record<string, () => ComponentChildren>

export type Shape = keyof typeof shapes

export const Icon = ({ name, class: extra = "" }: { readonly name: Shape; readonly class?: string }) => (
  <svg class={`i ${extra}`} viewBox="0 0 16 16" aria-hidden="true">
    {shapes[name]()}
  </svg>
)
