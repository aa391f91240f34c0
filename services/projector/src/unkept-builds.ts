/** The builds (by tag, with when they were last kept up) that are not of now and that nobody has kept up for a while. */
export function unkeptBuilds(of: {
  readonly builds: Readonly<Record<string, string>>;
  readonly current: readonly string[];
  readonly nowMs: number;
  readonly keptMsMin: number;
}): readonly string[] {
  const { builds, current, nowMs, keptMsMin } = of;
  return Object.entries(builds)
    .filter(([tag, keptMs]) => !current.includes(tag) && nowMs - Number(keptMs) > keptMsMin)
    .map(([tag]) => tag);
}
