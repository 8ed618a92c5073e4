// What a run takes its instrument through, and whether its calibration covers that: told before the run is sent, which the
// server then decides.
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { Calibration } from "../../gen/spectra/calibration/v1/calibration_pb";
import type { Instrument } from "../../gen/spectra/calibration/v1/instrument_pb";
import type { Method } from "../../gen/spectra/runs/v1/method_pb";
import { m } from "../../gen/words/messages";

export interface Demand {
  quantity: string;
  low: number;
  high: number;
  /** UCUM. */
  unit: string;
}

/** The ranges that the instrument is taken through, as far as parameters have been entered; the method's defaults for others. */
export function demandsOf(
  { spans, paramsSchema }: Pick<Method, "spans" | "paramsSchema">,
  params: JsonObject,
): Demand[] {
  const properties = (paramsSchema?.properties ?? {}) as Record<string, { default?: JsonValue }>;
  return spans.flatMap(({ quantity, unit, params: names, fromZero, bothWays }) => {
    const entered = names.map((name) => params[name] ?? properties[name]?.default);
    const known = entered.filter((value) => typeof value === "number");
    if (known.length === 0) return [];
    const through = [...known, ...(fromZero ? [0] : []), ...(bothWays ? known.map((value) => -value) : [])];
    return [{ quantity, unit, low: Math.min(...through), high: Math.max(...through) }];
  });
}

type Range = { low: string; high: string; unit: string };

/** Where a run would leave what the instrument can do, or what its certificate covers: a line each. */
export function outsideOf(
  demands: Demand[],
  { capabilities }: Pick<Instrument, "capabilities">,
  { certificateId: certificate, covers }: Pick<Calibration, "certificateId" | "covers">,
): string[] {
  return demands.flatMap((demand) => {
    const quantity = demand.quantity.replaceAll("_", " ");
    const asked = { low: String(demand.low), high: String(demand.high), unit: demand.unit };
    const range = demand.low === demand.high ? m.runs_scope_at(asked) : m.runs_scope_range(asked);
    const told = (why: string) => [m.runs_scope_outside({ quantity, range, why })];
    const able = capabilities.find((one) => one.quantity === demand.quantity);
    if (!able) return told(m.runs_scope_no_capability());
    const limits = { low: able.rangeLow, high: able.rangeHigh, unit: able.unit };
    if (!isWithin(demand, limits)) return told(m.runs_scope_capability({ range: m.runs_scope_range(limits) }));
    const covered = covers.find((one) => one.quantity === demand.quantity);
    if (!covered) return told(m.runs_scope_not_covered({ certificate }));
    if (isWithin(demand, covered)) return [];
    return told(m.runs_scope_covered({ certificate, range: m.runs_scope_range(covered) }));
  });
}

function isWithin(demand: Demand, { low, high, unit }: Range): boolean {
  return demand.unit === unit && Number(low) <= demand.low && demand.high <= Number(high);
}
