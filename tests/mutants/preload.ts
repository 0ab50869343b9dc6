/** Loaded before the tests of the mutated copy: the same cases for every mutant. */
import * as fc from "effect/FastCheck"

// What fails is not made smaller: that it fails is all that is asked.
fc.configureGlobal({ seed: 20_261_201, endOnFailure: true })
