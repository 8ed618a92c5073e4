// Other runs of the same method over the curves of one.
import { type UseQueryResult, useQueries, useQuery } from "@tanstack/react-query";
import { useContext, useState } from "react";
import type { Run } from "../../gen/spectra/runs/v1/run_pb";
import { m } from "../../gen/words/messages";
import { rpc } from "../../rpc/transport";
import { quoted } from "../../ui/filter";
import { formatTime, ZoneContext } from "../../ui/Time";
import { type Column, dataQuery } from "./data";

/** As many as are told apart. */
const MOST = 5;

/** Which runs could be laid over it and which are, with their names and their data. */
export function useOverlay(run: Run, stream: string) {
  const zone = useContext(ZoneContext);
  const [chosen, setChosen] = useState<string[]>([]);
  const alike = useQuery({
    queryKey: ["runs", "like", run.method],
    queryFn: async ({ signal }) =>
      (
        await rpc.runs.listRuns(
          { filter: `method = ${quoted(run.method)} AND state = SUCCEEDED`, orderBy: "created_at desc", pageSize: 50 },
          { signal },
        )
      ).runs,
  });
  const others = (alike.data ?? []).filter((one) => one.id !== run.id && one.createdAt);
  const sampleIds = [...new Set(others.map((one) => one.sampleId))];
  const samples = useQuery({
    queryKey: ["samples", "names", sampleIds],
    queryFn: async ({ signal }) => {
      const filter = sampleIds.map((id) => `id = ${quoted(id)}`).join(" OR ");
      const { samples } = await rpc.samples.listSamples({ filter, showDeleted: true, pageSize: 50 }, { signal });
      return Object.fromEntries(samples.map(({ id, name }) => [id, name]));
    },
    enabled: sampleIds.length > 0,
  });
  const { data, failed } = useQueries({ queries: chosen.map((id) => dataQuery(id, stream)), combine: together });
  const names = distinct(
    others.map(({ id, sampleId, createdAt }) => [
      id,
      m.runs_other_run({
        run: samples.data?.[sampleId] ?? id.slice(-8),
        time: formatTime(new Date(Number(createdAt?.seconds) * 1000), zone),
      }),
    ]),
  );
  const name = (id: string) => names[id] ?? id.slice(-8);
  return {
    options: others.filter(({ id }) => !chosen.includes(id)).map(({ id }): [string, string] => [id, name(id)]),
    full: chosen.length >= MOST,
    chosen: chosen.map((id) => ({ id, name: name(id) })),
    /** In the order of the chosen; nothing for one that has not come yet. */
    data,
    failed,
    add: (id: string) => setChosen([...chosen, id]),
    remove: (id: string) => setChosen(chosen.filter((one) => one !== id)),
  };
}

/** Names by id; where several are alike, each with the end of its id, as the run is called elsewhere. */
export function distinct(named: [id: string, name: string][]): Record<string, string> {
  const alike = (name: string) => named.filter(([, other]) => other === name).length > 1;
  return Object.fromEntries(
    named.map(([id, name]) => [id, alike(name) ? m.runs_other_run_named({ name, run: id.slice(-8) }) : name]),
  );
}

function together(results: UseQueryResult<Column[]>[]) {
  return { data: results.map((result) => result.data), failed: results.find((result) => result.error) };
}
