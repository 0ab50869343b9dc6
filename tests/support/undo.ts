/** What a test has started or made, undone when it is over. The hook itself is in `preload.ts`: one that a shared file registers would serve only the first test file that imports it. */
const steps: Array<() => unknown> = []

/** Runs after the test, the last one first. */
export const afterThisTest = (step: () => unknown): void => {
  steps.push(step)
}

export const undoAll = async (): Promise<void> => {
  for (const step of steps.splice(0).reverse()) await step()
}
