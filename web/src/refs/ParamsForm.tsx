import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { NativeSelect, SimpleGrid, TextInput } from "@mantine/core";
import { m } from "../gen/words/messages";
import { numberOf, twoOf } from "../ui/number";

/** What this form reads of a method's JSON Schema. */
interface Property {
  type?: string;
  description?: string;
  "x-ucum"?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  default?: JsonValue;
  enum?: JsonValue[];
}

export interface Limit {
  param: string;
  low: number;
  high: number;
}

export type Texts = Record<string, string>;

function propertiesOf(schema: JsonObject | undefined): [string, Property][] {
  const properties = Object.entries((schema?.properties ?? {}) as Record<string, Property>);
  // Those that are needed come first, in the method's own order.
  const required = (schema?.required ?? []) as string[];
  const place = (name: string) => (required.includes(name) ? required.indexOf(name) : required.length);
  return properties.sort(([one], [other]) => place(one) - place(other));
}

/** A parameter as people call it, with its unit. */
export function labelOf(name: string, schema: JsonObject | undefined): string {
  const unit = ((schema?.properties ?? {}) as Record<string, Property>)[name]?.["x-ucum"];
  return `${name.replaceAll("_", " ")}${unit && unit !== "1" ? ` (${unit})` : ""}`;
}

/** Parameters as they are typed. */
export function textsOf(params: JsonObject | undefined): Texts {
  return Object.fromEntries(
    Object.entries(params ?? {}).map(([name, value]) => [
      name,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  );
}

/** What was typed as parameters: an empty field is left out, so that the method's default holds. */
export function paramsOf(schema: JsonObject | undefined, texts: Texts): JsonObject {
  return Object.fromEntries(
    propertiesOf(schema).flatMap(([name, property]) => {
      const text = texts[name]?.trim();
      if (!text) return [];
      if (property.type === "number" || property.type === "integer") return [[name, numberOf(text) ?? text]];
      if (property.type === "boolean") return [[name, text === "true"]];
      if (property.type === "array" || property.type === "object") return [[name, parsed(text)]];
      return [[name, text]];
    }),
  );
}

function parsed(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return text;
  }
}

/** What is wrong with what was typed, by parameter; empty where nothing is. The server looks again. */
export function faultsOf(schema: JsonObject | undefined, texts: Texts, limits: Limit[] = []): Texts {
  const required = new Set((schema?.required ?? []) as string[]);
  return Object.fromEntries(
    propertiesOf(schema).flatMap(([name, property]) => {
      const fault = faultOf(
        property,
        texts[name]?.trim() ?? "",
        required.has(name),
        limits.find((limit) => limit.param === name),
      );
      return fault ? [[name, fault]] : [];
    }),
  );
}

function faultOf(property: Property, text: string, required: boolean, limit: Limit | undefined): string | undefined {
  if (!text) return required && property.default === undefined ? m.refs_is_needed() : undefined;
  if (property.type !== "number" && property.type !== "integer") return undefined;
  const two = twoOf(text);
  if (two) return m.refs_could_be_two_numbers(two);
  const value = numberOf(text);
  if (value === undefined) return m.refs_must_be_a_number();
  if (property.type === "integer" && !Number.isInteger(value)) return m.refs_must_be_a_whole_number();
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = property;
  if (minimum !== undefined && value < minimum) return m.refs_must_be_or_more({ low: minimum });
  if (maximum !== undefined && value > maximum) return m.refs_must_be_or_less({ high: maximum });
  if (exclusiveMinimum !== undefined && value <= exclusiveMinimum)
    return m.refs_must_be_more_than({ low: exclusiveMinimum });
  if (exclusiveMaximum !== undefined && value >= exclusiveMaximum)
    return m.refs_must_be_less_than({ high: exclusiveMaximum });
  if (limit && (value < limit.low || value > limit.high))
    return m.refs_the_recipe_allows_to({ low: limit.low, high: limit.high });
  return undefined;
}

/** From where to where a parameter may go, in words. */
export function rangeOf(property: Property): string {
  const low = property.minimum ?? property.exclusiveMinimum;
  const high = property.maximum ?? property.exclusiveMaximum;
  if (low !== undefined && high !== undefined)
    return property.exclusiveMinimum === undefined ? m.refs_from_to({ low, high }) : m.refs_over_to({ low, high });
  if (low !== undefined)
    return property.exclusiveMinimum === undefined ? m.refs_or_more({ low }) : m.refs_over({ low });
  return high === undefined ? "" : m.refs_or_less({ high });
}

/** A form for a method's parameters, made of its schema: unit, limits, default and explanation of each. */
export function ParamsForm(props: {
  schema: JsonObject | undefined;
  texts: Texts;
  change: (texts: Texts) => void;
  faults: Texts;
  limits?: Limit[];
}) {
  const required = new Set((props.schema?.required ?? []) as string[]);
  const set = (name: string, text: string) => props.change({ ...props.texts, [name]: text });
  return (
    <SimpleGrid cols={{ base: 1, sm: 2 }}>
      {propertiesOf(props.schema).map(([name, property]) => {
        const limit = props.limits?.find((one) => one.param === name);
        // Where a recipe says what may be changed, the rest may not.
        const fixed = props.limits !== undefined && !limit;
        const range = fixed
          ? m.refs_fixed_by_the_recipe()
          : limit
            ? m.refs_the_recipe_allows_to({ low: limit.low, high: limit.high })
            : rangeOf(property);
        const common = {
          label: labelOf(name, props.schema),
          description: [property.description, range].filter(Boolean).join("; "),
          required: required.has(name) && property.default === undefined,
          error: props.faults[name],
          value: props.texts[name] ?? "",
        };
        const choices = property.enum ?? (property.type === "boolean" ? [true, false] : undefined);
        if (choices)
          return (
            <NativeSelect
              key={name}
              {...common}
              disabled={fixed}
              onChange={(event) => set(name, event.currentTarget.value)}
            >
              <option value="">
                {property.default === undefined ? "" : m.refs_default({ value: String(property.default) })}
              </option>
              {choices.map((choice) => (
                <option key={String(choice)} value={String(choice)}>
                  {String(choice)}
                </option>
              ))}
            </NativeSelect>
          );
        return (
          <TextInput
            key={name}
            {...common}
            readOnly={fixed}
            inputMode={property.type === "number" ? "decimal" : undefined}
            placeholder={
              property.default === undefined ? "" : m.refs_default({ value: JSON.stringify(property.default) })
            }
            onChange={(event) => set(name, event.currentTarget.value)}
          />
        );
      })}
    </SimpleGrid>
  );
}
