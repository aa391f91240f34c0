/**
 * Finds the text of one member of a JSON object without building it anew: 1e400, 12345678901234567890 or the order
 * of keys would not survive JSON.parse and JSON.stringify. The text must be valid JSON.
 */
const quote = 0x22;
const backslash = 0x5c;
/** Square and curly brackets differ in one bit, and nothing else becomes a curly one by it. */
const curlyBit = 0x20;
const opening = 0x7b;
const closing = 0x7d;
const isOpening = (code: number): boolean => (code | curlyBit) === opening;
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
  let depth = 1;
  let at = start + 1;
  while (depth > 0) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      at = afterString(text, at);
      continue;
    }
    at += 1;
    const curly = code | curlyBit;
    if (curly === opening) depth += 1;
    else if (curly === closing) depth -= 1;
  }
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
