/** The same without Effect: record, run an agent, read back. */
import { Agent, createRecorder, watch } from "agent-sync"

const url = process.env.AGENT_SYNC_URL ?? "ws://127.0.0.1:8787"

const recorder = await createRecorder({ url })
await recorder.record({ role: "user", text: "Count to three." })
const { session, text } = await recorder.run(Agent.command(["sh", "-c", "echo one; echo two; echo three"]))
await recorder.record({ name: "result.txt", content: text === "" ? session : text })
await recorder.record({ what: "finished", text: session })
const { waiting } = await recorder.flush()
await recorder.close()
console.log(`${waiting} entries wait`)

for await (const { agent, event } of watch({ url, live: false })) console.log(`${agent}: ${event.group}.${event.kind}`)
