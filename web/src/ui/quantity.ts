// Exact amounts as people write them, `12.50 ± 0.05 mg (k = 2)`, and back. They stay text: no digit is lost or made up.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Quantity, QuantitySchema } from "../gen/spectra/common/v1/quantity_pb";

/** A unit may have parentheses, `umol/(m2.s)`; the one that says what k is ends it. */
const WRITTEN =
  /^([+-]?\d+(?:\.\d+)?)(?:\s*(?:±|\+\/-)\s*(\d+(?:\.\d+)?))?(?:\s+((?!\(k\s*=)[!-~]+?))?(?:\s*\(k\s*=\s*(\d+(?:\.\d+)?)\))?$/;

export function quantityText(quantity: Quantity | undefined): string {
  if (!quantity) return "";
  const { value, unit, expandedUncertainty, coverageFactor } = quantity;
  return [
    value,
    expandedUncertainty && `± ${expandedUncertainty}`,
    unit !== "1" && unit,
    coverageFactor && `(k = ${coverageFactor})`,
  ]
    .filter(Boolean)
    .join(" ");
}

/** Nothing where nothing is written; `undefined` as well where it cannot be read: `isQuantity` tells them apart. */
export function quantityOf(text: string): MessageInitShape<typeof QuantitySchema> | undefined {
  const [whole, value, uncertainty, unit = "1", factor] = WRITTEN.exec(text.trim()) ?? [];
  if (whole === undefined || value === undefined) return undefined;
  return {
    value,
    unit,
    ...(uncertainty ? { expandedUncertainty: uncertainty } : {}),
    ...(factor ? { coverageFactor: factor } : {}),
  };
}

export function isQuantity(text: string): boolean {
  return text.trim() === "" || quantityOf(text) !== undefined;
}
