/** Where this machine gets Debian's packages from, said for another release. */

/** What `apt-get indextargets --format` has to print a line for {@link debianSources}. */
export const targetFormat = '$(ORIGIN) $(REPO_URI) $(CODENAME)';

/**
 * Lines of a sources.list that give `suite` its packages, updates and security updates from where this machine gets its
 * own; none when this machine is not a Debian. `targets` are lines as {@link targetFormat} prints them.
 */
export function debianSources(targets: string, suite: string): string[] {
  const lines = targets.split('\n').flatMap((target) => {
    const [origin, uri, codename] = target.split(' ');
    const part = /^[a-z]+(-updates|-security)?$/.exec(codename ?? '');
    const isDebian = origin === 'Debian' && uri !== undefined && part !== null;
    return isDebian ? [`deb ${uri} ${suite}${part[1] ?? ''} main`] : [];
  });
  const sources = [...new Set(lines)];
  return sources.some((line) => line.endsWith(` ${suite} main`)) ? sources : [];
}
