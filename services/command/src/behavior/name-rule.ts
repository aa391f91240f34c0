const nameCharsMax = 63;
const kebabCase = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

/** What the name of a command and the type of an event must be: they are parts of paths, metrics and topics. */
export function isName(text: string): boolean {
  return text.length <= nameCharsMax && kebabCase.test(text);
}

export const nameRule = `in kebab-case with at most ${nameCharsMax} characters`;
