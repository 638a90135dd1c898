/**
 * Runs a named step of an epoch, a block or one of a block's operations, and may measure it or look at the state
 * around it. Must call `step` exactly once.
 */
export type StepObserver = (name: string, step: () => void) => void;

/** Runs the step and nothing else. */
export const unobserved: StepObserver = (_name, step) => step();
