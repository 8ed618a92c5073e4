// Attributes as lines that a person types, `thickness_um: 350`, and back. What is read from its own lines is the same again.
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";

export function linesOf(attributes: JsonObject | undefined): string {
  return Object.entries(attributes ?? {})
    .map(([name, value]) => `${nameText(name)}: ${valueText(value)}`)
    .join("\n");
}

/** A line each; the first colon ends the name. */
export function attributesOf(lines: string): JsonObject {
  return Object.fromEntries(entriesOf(lines).map(({ name, value }) => [name, read(value ?? "")]));
}

/** The first name that has no value, for want of a colon, or that stands there twice. */
export function faultOf(lines: string): { bare: string } | { twice: string } | undefined {
  const names = new Set<string>();
  for (const { name, value } of entriesOf(lines)) {
    if (value === undefined) return { bare: name };
    if (names.has(name)) return { twice: name };
    names.add(name);
  }
  return undefined;
}

function entriesOf(lines: string): { name: string; value: string | undefined }[] {
  return lines
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean)
    .map((line) => {
      const [, name = line, value] = /^("(?:[^"\\]|\\.)*"|[^:]*?)\s*:\s*(.*)$/.exec(line) ?? [];
      return { name: name.startsWith('"') ? String(read(name)) : name, value };
    });
}

/** As a person would write it; in quotes only where it would be read as something else without. */
function valueText(value: JsonValue): string {
  if (typeof value !== "string") return JSON.stringify(value);
  return value === read(value) && value === value.trim() && !value.includes("\n") ? value : JSON.stringify(value);
}

function nameText(name: string): string {
  return /^"|[:\n]|^\s|\s$|^$/.test(name) ? JSON.stringify(name) : name;
}

/** JSON where it is JSON (true, a list), a number where it would be written so again; text otherwise: 007, 1.10, 12E3. */
function read(text: string): JsonValue {
  let value: JsonValue;
  try {
    value = JSON.parse(text);
  } catch {
    return text;
  }
  return typeof value === "number" && String(value) !== text ? text : value;
}
