/** The names of the messages' fields, packed once. Which message has which is `Message.ts`. */
import { packedText } from "./Writer.ts"

export const names = {
  _tag: packedText("_tag"),
  publicKey: packedText("publicKey"),
  id: packedText("id"),
  iv: packedText("iv"),
  keep: packedText("keep"),
  encryptedEntries: packedText("encryptedEntries"),
  startSequence: packedText("startSequence"),
  limit: packedText("limit"),
  live: packedText("live"),
  part: packedText("part"),
  data: packedText("data"),
  remoteId: packedText("remoteId"),
  agentSync: packedText("agentSync"),
  version: packedText("version"),
  contiguous: packedText("contiguous"),
  ping: packedText("ping"),
  kept: packedText("kept"),
  sequenceNumbers: packedText("sequenceNumbers"),
  refused: packedText("refused"),
  code: packedText("code"),
  reason: packedText("reason"),
  entries: packedText("entries"),
  head: packedText("head"),
  more: packedText("more"),
  batches: packedText("batches"),
  chain: packedText("chain"),
  floor: packedText("floor"),
  floorChain: packedText("floorChain")
}
