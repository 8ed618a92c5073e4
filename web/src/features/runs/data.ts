import type { DataColumn } from "../../gen/spectra/runs/v1/data_pb";
import { rpc } from "../../rpc/transport";

export interface Column {
  name: string;
  unit: string;
  values: number[];
}

/** A run's data, column by column. */
export function dataQuery(runId: string, stream: string) {
  return {
    queryKey: ["runData", runId, stream],
    queryFn: async ({ signal }: { signal: AbortSignal }): Promise<Column[]> => {
      const columns = new Map<string, { column: DataColumn; parts: number[][] }>();
      for await (const { chunk } of rpc.runs.getRunData({ runId, stream }, { signal })) {
        for (const column of chunk?.columns ?? []) {
          const known = columns.get(column.name);
          if (known) known.parts.push(column.values);
          else columns.set(column.name, { column, parts: [column.values] });
        }
      }
      return [...columns.values()].map(({ column, parts }) => ({
        name: column.name,
        unit: column.unit,
        values: parts.flat(),
      }));
    },
    staleTime: 60_000,
  };
}
