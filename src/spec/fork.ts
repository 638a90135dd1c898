/**
 * The forks of the protocol, in order, as small integers that compare with `<` and `>=`.
 */
export const Fork = Object.freeze({
  phase0: 0,
  altair: 1,
  bellatrix: 2,
  capella: 3,
  deneb: 4,
  electra: 5,
  fulu: 6,
});

export type Fork = (typeof Fork)[keyof typeof Fork];
export type ForkName = keyof typeof Fork;

export const FORK_NAMES: readonly ForkName[] = Object.freeze(Object.keys(Fork) as ForkName[]);

export function forkName(fork: Fork): ForkName {
  return FORK_NAMES[fork]!;
}

export function isForkName(name: string): name is ForkName {
  return Object.hasOwn(Fork, name);
}
