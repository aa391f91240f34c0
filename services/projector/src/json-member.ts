/**
 * Finds the text of one member of a JSON object without building it anew: 1e400, 12345678901234567890 or the order
 * of keys would not survive JSON.parse and JSON.stringify. The text must be valid JSON.
 */
const quote = 0x22;
const backslash = 0x5c;
const isOpening = (code: number): boolean => code === 0x7b || code === 0x5b;
const isClosing = (code: number): boolean => code === 0x7d || code === 0x5d;
const isSpace = (code: number): boolean =>
  code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;

function afterSpace(text: string, start: number): number {
  let at = start;
  while (isSpace(text.charCodeAt(at))) at += 1;
  return at;
}

function afterString(text: string, start: number): number {
  let at = start + 1;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code === quote) return at + 1;
    at += code === backslash ? 2 : 1;
  }
}

function afterContainer(text: string, start: number): number {
  let depth = 0;
  let at = start;
  do {
    const code = text.charCodeAt(at);
    if (isOpening(code)) depth += 1;
    if (isClosing(code)) depth -= 1;
    at = code === quote ? afterString(text, at) : at + 1;
  } while (depth > 0);
  return at;
}

function afterValue(text: string, start: number): number {
  const code = text.charCodeAt(start);
  if (code === quote) return afterString(text, start);
  if (isOpening(code)) return afterContainer(text, start);
  let at = start;
  while (!/[,\]}\s]/.test(text.charAt(at))) at += 1;
  return at;
}

/** The last member of that name, as JSON.parse takes it; null when the object does not spell the name plainly. */
export function memberText(text: string, name: string): string | null {
  const spelled = JSON.stringify(name);
  let found: string | null = null;
  let at = afterSpace(text, afterSpace(text, 0) + 1);
  while (text.charCodeAt(at) === quote) {
    const keyEnd = afterString(text, at);
    const valueStart = afterSpace(text, afterSpace(text, keyEnd) + 1);
    const valueEnd = afterValue(text, valueStart);
    if (text.slice(at, keyEnd) === spelled) found = text.slice(valueStart, valueEnd);
    at = afterSpace(text, afterSpace(text, valueEnd) + 1);
  }
  return found;
}
