/** What an instrument can measure or apply. */
export interface Stated {
  quantity: string;
  rangeLow: string;
  rangeHigh: string;
  unit: string;
  maximumPermissibleError: string;
  resolution: string;
}

const NUMBER = String.raw`([+-]?\d+(?:\.\d+)?)`;
const LINE = new RegExp(
  String.raw`^([\w-]+)\s*:\s*${NUMBER}\s+to\s+${NUMBER}\s+([^\s,]+)(?:,\s*error\s+${NUMBER})?(?:,\s*resolution\s+${NUMBER})?$`,
  "i",
);

/** Lines `dc_voltage: -200 to 200 V, error 0.02, resolution 0.001` (units as in UCUM; what follows them may be left out);
 * others are left out. */
export function capabilitiesOf(lines: string): Stated[] {
  return lines
    .split("\n")
    .map((line) => LINE.exec(line.trim()))
    .filter((match) => match !== null)
    .map(
      ([, quantity = "", rangeLow = "", rangeHigh = "", unit = "", maximumPermissibleError = "", resolution = ""]) => ({
        quantity,
        rangeLow,
        rangeHigh,
        unit,
        maximumPermissibleError,
        resolution,
      }),
    );
}

/** The lines that are read as these. */
export function linesOf(capabilities: Stated[]): string {
  return capabilities
    .map(({ quantity, rangeLow, rangeHigh, unit, maximumPermissibleError, resolution }) => {
      const more = [
        maximumPermissibleError && `, error ${maximumPermissibleError}`,
        resolution && `, resolution ${resolution}`,
      ];
      return `${quantity}: ${rangeLow} to ${rangeHigh} ${unit}${more.join("")}`;
    })
    .join("\n");
}

/** The lines that are not like that. */
export function misread(lines: string): string[] {
  return lines.split("\n").filter((line) => line.trim() && !LINE.test(line.trim()));
}
