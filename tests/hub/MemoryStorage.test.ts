import { make } from "../../sdk/src/hub/MemoryStorage.ts"
import { hubStorageSuite } from "../suites/hubStorage.ts"

hubStorageSuite("memory", make)
