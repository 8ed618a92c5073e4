import { Button, CloseIcon, Group, NativeSelect, Skeleton, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import type { Run } from "../../gen/spectra/runs/v1/run_pb";
import { ExportFormat } from "../../gen/spectra/runs/v1/runs_service_pb";
import { m } from "../../gen/words/messages";
import { rpc } from "../../rpc/transport";
import { Curve } from "../../ui/Curve";
import { Download } from "../../ui/Download";
import { ErrorView } from "../../ui/ErrorView";
import type { Axes, Series } from "../../ui/legs";
import { Section } from "../../ui/Page";
import { dataQuery } from "./data";
import { useOverlay } from "./overlay";

/** The data of a run as curves, another run of the same method over it, and the file. */
export default function RunData({ run }: { run: Run }) {
  const [stream, setStream] = useState(run.streams[0]?.name ?? "");
  const [x, setX] = useState(0);
  const [chosenY, setY] = useState<number>();
  const [logarithmic, setLogarithmic] = useState<Axes>({ across: false, up: false });
  // A run that goes on has more to show each time that it changes.
  const query = useQuery({
    ...dataQuery(run.id, stream),
    queryKey: [...dataQuery(run.id, stream).queryKey, run.streams.find((one) => one.name === stream)?.chunks ?? 0],
    // What was read before the next chunk came is shown until that is there, and not kept.
    gcTime: 0,
    placeholderData: (former, query) =>
      query?.queryKey[1] === run.id && query.queryKey[2] === stream ? former : undefined,
  });
  const overlay = useOverlay(run, stream);
  const columns = query.data ?? [];
  const across = columns[x];
  // What was held constant says nothing: the first that varies is shown, unless somebody wants another.
  const varying = columns.findIndex((column, index) => index !== x && varies(column.values));
  const y = chosenY ?? (varying < 0 ? 1 : varying);
  const up = columns[y] ?? columns[0];
  const { data: overlaid, chosen } = overlay;
  const named = chosen.map(({ name }) => name).join("\n");
  // The curve, and how far somebody has zoomed in, last as long as these do.
  const series = useMemo<Series[]>(() => {
    if (!across || !up) return [];
    const labels = named.split("\n");
    const others = overlaid.map((columns, index) => {
      const x = columns?.find((one) => one.name === across.name);
      const y = columns?.find((one) => one.name === up.name);
      return { label: labels[index] ?? "", x: x?.values ?? [], y: y?.values ?? [], colour: index + 1 };
    });
    const own = { label: m.runs_legend_this_run(), x: across.values, y: up.values, colour: 0 };
    return [own, ...others.filter(({ x, y }) => x.length > 0 && y.length > 0)];
  }, [across, up, overlaid, named]);
  const axis = (column: { name: string; unit: string } | undefined) =>
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
          {!overlay.full && (
            <Choice
              label={m.runs_overlay()}
              value=""
              options={[["", m.runs_add_another_run()], ...overlay.options]}
              choose={(id) => id && overlay.add(id)}
            />
          )}
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
        {chosen.length > 0 && (
          <Group gap="xs">
            {chosen.map(({ id, name }) => (
              <Button
                key={id}
                size="compact-xs"
                variant="default"
                rightSection={<CloseIcon size="0.75rem" />}
                aria-label={m.runs_take_away({ run: name })}
                onClick={() => overlay.remove(id)}
              >
                {name}
              </Button>
            ))}
          </Group>
        )}
        {query.error ? <ErrorView error={query.error} again={() => query.refetch()} /> : null}
        {overlay.failed && <ErrorView error={overlay.failed.error} again={() => overlay.failed?.refetch()} />}
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
