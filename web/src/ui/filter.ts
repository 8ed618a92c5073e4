// Conditions of what is asked for (AIP-160).

/** Quotes a value for a filter (AIP-160). */
export function quoted(value: string): string {
  return `"${value.replace(/["\\]/g, "\\$&")}"`;
}

/** A condition that one of these fields has the words in it. */
export function matches(words: string | undefined, ...fields: string[]): string {
  const text = words?.trim();
  return text ? `(${fields.map((field) => `${field}:${quoted(text)}`).join(" OR ")})` : "";
}

/** Conditions that all hold. */
export function all(...conditions: (string | undefined | false)[]): string {
  return conditions.filter(Boolean).join(" AND ");
}
