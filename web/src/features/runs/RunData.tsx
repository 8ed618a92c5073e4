import { Button, Group, NativeSelect, Skeleton, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useContext, useMemo, useState } from "react";
import type { DataColumn } from "../../gen/spectra/runs/v1/data_pb";
import type { Run } from "../../gen/spectra/runs/v1/run_pb";
import { ExportFormat } from "../../gen/spectra/runs/v1/runs_service_pb";
import { m } from "../../gen/words/messages";
import { rpc } from "../../rpc/transport";
import { Curve } from "../../ui/Curve";
import { Download } from "../../ui/Download";
import { ErrorView } from "../../ui/ErrorView";
import { quoted } from "../../ui/ListTable";
import type { Axes, Series } from "../../ui/legs";
import { Section } from "../../ui/Page";
import { formatTime, ZoneContext } from "../../ui/Time";

/** A run's data, column by column. */
function dataQuery(runId: string, stream: string) {
  return {
    queryKey: ["runData", runId, stream],
    queryFn: async ({ signal }: { signal: AbortSignal }) => {
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

/** The data of a run as curves, another run of the same method over it, and the file. */
export default function RunData({ run }: { run: Run }) {
  const zone = useContext(ZoneContext);
  const [stream, setStream] = useState(run.streams[0]?.name ?? "");
  const [x, setX] = useState(0);
  const [chosenY, setY] = useState<number>();
  const [logarithmic, setLogarithmic] = useState<Axes>({ across: false, up: false });
  const [other, setOther] = useState("");
  // A run that goes on has more to show each time that it changes.
  const query = useQuery({
    ...dataQuery(run.id, stream),
    queryKey: [...dataQuery(run.id, stream).queryKey, run.streams.find((one) => one.name === stream)?.chunks ?? 0],
    // What was read before the next chunk came is shown until that is there, and not kept.
    gcTime: 0,
    placeholderData: (former, query) =>
      query?.queryKey[1] === run.id && query.queryKey[2] === stream ? former : undefined,
  });
  const others = useQuery({
    queryKey: ["runs", "like", run.method],
    queryFn: async ({ signal }) =>
      (
        await rpc.runs.listRuns(
          { filter: `method = ${quoted(run.method)} AND state = SUCCEEDED`, orderBy: "created_at desc", pageSize: 50 },
          { signal },
        )
      ).runs,
  });
  const sampleIds = [...new Set((others.data ?? []).map((one) => one.sampleId))];
  const names = useQuery({
    queryKey: ["samples", "names", sampleIds],
    queryFn: async ({ signal }) => {
      const filter = sampleIds.map((id) => `id = ${quoted(id)}`).join(" OR ");
      const { samples } = await rpc.samples.listSamples({ filter, showDeleted: true, pageSize: 50 }, { signal });
      return new Map(samples.map(({ id, name }) => [id, name]));
    },
    enabled: sampleIds.length > 0,
  });
  const overlaid = useQuery({ ...dataQuery(other, stream), enabled: other !== "" });
  const columns = query.data ?? [];
  const across = columns[x];
  // What was held constant says nothing: the first that varies is shown, unless somebody wants another.
  const varying = columns.findIndex((column, index) => index !== x && varies(column.values));
  const y = chosenY ?? (varying < 0 ? 1 : varying);
  const up = columns[y] ?? columns[0];
  const ox = overlaid.data?.find((one) => one.name === across?.name);
  const oy = overlaid.data?.find((one) => one.name === up?.name);
  // The curve, and how far somebody has zoomed in, last as long as these do.
  const series = useMemo<Series[]>(
    () => [
      ...(across && up ? [{ label: m.runs_legend_this_run(), x: across.values, y: up.values }] : []),
      ...(other && ox && oy ? [{ label: m.runs_legend_other_run(), x: ox.values, y: oy.values }] : []),
    ],
    [across, up, other, ox, oy],
  );
  const axis = (column: DataColumn | { name: string; unit: string } | undefined) =>
    column ? `${column.name}${column.unit && column.unit !== "1" ? ` (${column.unit})` : ""}` : "";
  return (
    <Section
      title={m.runs_data()}
      actions={
        <Download get={() => rpc.runs.exportRun({ runId: run.id, stream: stream, format: ExportFormat.CSV })}>
          {m.runs_download_csv()}
        </Download>
      }
    >
      <Stack>
        <Group align="flex-end">
          {run.streams.length > 1 && (
            <Choice
              label={m.runs_stream()}
              value={stream}
              options={run.streams.map((one) => [one.name, one.name || m.runs_main_stream()])}
              choose={setStream}
            />
          )}
          <Choice
            label={m.runs_across()}
            value={String(x)}
            options={columns.map((column, index) => [String(index), axis(column)])}
            choose={(value) => setX(Number(value))}
          />
          <Choice
            label={m.runs_up()}
            value={String(y)}
            options={columns.map((column, index) => [String(index), axis(column)])}
            choose={(value) => setY(Number(value))}
          />
          <Choice
            label={m.runs_overlay()}
            value={other}
            options={[
              ["", m.runs_no_other_run()],
              ...(others.data ?? [])
                .filter((one) => one.id !== run.id && one.createdAt)
                .map(
                  (one) =>
                    [
                      one.id,
                      m.runs_other_run({
                        run: names.data?.get(one.sampleId) ?? one.id.slice(-8),
                        time: formatTime(new Date(Number(one.createdAt?.seconds) * 1000), zone),
                      }),
                    ] as [string, string],
                ),
            ]}
            choose={setOther}
          />
          {(["up", "across"] as const).map((axis) => (
            <Button
              key={axis}
              size="xs"
              variant={logarithmic[axis] ? "filled" : "default"}
              aria-pressed={logarithmic[axis]}
              onClick={() => setLogarithmic({ ...logarithmic, [axis]: !logarithmic[axis] })}
            >
              {axis === "up" ? m.runs_logarithmic() : m.runs_logarithmic_across()}
            </Button>
          ))}
        </Group>
        {query.error ? <ErrorView error={query.error} again={() => query.refetch()} /> : null}
        {overlaid.error ? <ErrorView error={overlaid.error} again={() => overlaid.refetch()} /> : null}
        {query.data ? (
          <Curve series={series} across={axis(across)} up={axis(up)} logarithmic={logarithmic} />
        ) : (
          <Skeleton height={320} />
        )}
        {(logarithmic.up || logarithmic.across) && (
          <Text size="xs" c="dimmed">
            {m.runs_absolute_values_what_is_zero()}
          </Text>
        )}
      </Stack>
    </Section>
  );
}

function varies(values: number[]): boolean {
  return values.some((value) => value !== values[0]);
}

function Choice(props: { label: string; value: string; options: [string, string][]; choose: (value: string) => void }) {
  return (
    <NativeSelect
      label={props.label}
      size="xs"
      value={props.value}
      onChange={(event) => props.choose(event.currentTarget.value)}
    >
      {props.options.map(([value, label]) => (
        <option key={value} value={value}>
          {label}
        </option>
      ))}
    </NativeSelect>
  );
}
