/** One object per tenant. The class is yours, and so is the data behind its name: do not rename it once deployed. */
import { SyncDurableObject as Hub } from "agent-sync/worker"

export class SyncDurableObject extends Hub {}
