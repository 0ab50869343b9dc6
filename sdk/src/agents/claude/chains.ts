/**
 * Which records of a transcript are a subagent's, and which call started it. Files of 2.1 name the subagent
 * (`agentId`) and tell its call in a record or beside the file; older ones hold it in line (`isSidechain`), told only by
 * its first message being the call's prompt.
 */
import type { Beside } from "../Adapter.ts"
import { type Fields, objectOf, stringOf, told } from "../Fields.ts"
import type { Stamp, Under } from "../Stamp.ts"
import type { Events, State } from "./State.ts"

export interface Chains {
  readonly placeOf: (record: Fields) => Under
  /** What this record tells about a subagent that began. */
  readonly spawned: (record: Fields, stamp: Stamp) => Events
  /** Remembers what later records need, and answers a subagent that a result told. */
  readonly learn: (record: Fields, events: Events, stamp: Stamp) => Events
}

interface Order {
  readonly call: string
  readonly type: string | undefined
  readonly description: string | undefined
}

export const makeChains = (state: State, beside: Beside): Chains => {
  /** Calls that started a subagent, by their prompt, until one was found. */
  const orders = new Map<string, Order>()
  const byCall = new Map<string, Order>()
  /** The call of each record of a chain in line, by its uuid. */
  const chains = new Map<string, string>()
  /** The call of each subagent. */
  const calls = new Map<string, string>()
  const spawnedAgents = new Set<string>()

  const spawn = (subagent: string, call: string | undefined, stamp: Stamp): Events => {
    if (spawnedAgents.has(subagent) || call === undefined) return []
    spawnedAgents.add(subagent)
    calls.set(subagent, call)
    state.subagents.set(call, subagent)
    const order = byCall.get(call)
    const data = told({
      call,
      subagent,
      type: order?.type ?? beside.type,
      description: order?.description ?? beside.description
    })
    return [{ ...stamp(subagent), group: "audit", kind: "agent_spawned", data }]
  }

  return {
    placeOf: (record) => {
      const subagent = stringOf(record.agentId)
      if (subagent !== undefined) {
        const parent = stringOf(record.parentToolUseID) ?? calls.get(subagent) ?? beside.call
        return { parent, subagent }
      }
      if (record.isSidechain !== true) return { parent: undefined, subagent: undefined }
      const before = stringOf(record.parentUuid)
      const text = objectOf(record.message)?.content
      const order = before === undefined && typeof text === "string" ? orders.get(text) : undefined
      if (order !== undefined) orders.delete(text as string)
      return { parent: order?.call ?? (before === undefined ? undefined : chains.get(before)), subagent: undefined }
    },
    spawned: (record, stamp) => {
      const data = objectOf(record.data)
      const told = record.type === "progress" && data?.type === "agent_progress"
      const subagent = stringOf(told ? data.agentId : record.agentId)
      if (subagent === undefined) return []
      return spawn(subagent, told ? stringOf(record.parentToolUseID) : beside.call, stamp)
    },
    learn: (record, events, stamp) => {
      const uuid = stringOf(record.uuid)
      const found: Array<Events[number]> = []
      for (const event of events) {
        if (uuid !== undefined && event.parent !== undefined && record.isSidechain === true) {
          chains.set(uuid, event.parent)
        }
        if (event.kind === "tool_started") {
          const input = objectOf(event.data.input)
          const prompt = stringOf(input?.prompt)
          if (prompt === undefined || !/^(Task|Agent)$/.test(event.data.name)) continue
          const { call } = event.data
          const order = { call, type: stringOf(input?.subagent_type), description: stringOf(input?.description) }
          orders.set(prompt, order)
          byCall.set(call, order)
        } else if (event.kind === "tool_finished") {
          const subagent = stringOf(objectOf(record.toolUseResult)?.agentId)
          if (subagent !== undefined) found.push(...spawn(subagent, event.data.call, stamp))
        }
      }
      return found
    }
  }
}
