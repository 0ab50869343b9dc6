/** How the Worker and its object refuse: JSON with what is wrong and what to do. */

export const answer = (status: number, error: string, fix: string, headers: Record<string, string> = {}): Response =>
  Response.json({ error, fix }, { status, headers })

export const needsUpgrade = (): Response =>
  answer(426, "This address speaks WebSocket.", "The token is good; connect with a WebSocket client.", {
    upgrade: "websocket"
  })
