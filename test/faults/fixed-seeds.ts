/** Runs that CI repeats. A seed that has found something stays here, with what it found. */
export const fixedSeeds: readonly {
  readonly seed: number;
  readonly minutes: number;
  readonly about: string;
}[] = [
  {
    seed: 61,
    minutes: 0.5,
    about: 'stores out of disk; once, a relay ended when Postgres refused it in mid-stream',
  },
];
