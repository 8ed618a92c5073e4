import { type Duration, timestampDate } from "@bufbuild/protobuf/wkt";
import { NativeSelect, Table, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useContext } from "react";
import { CalibrationStatus, type DueCalibration } from "../../gen/spectra/calibration/v1/calibration_pb";
import { m } from "../../gen/words/messages";
import { InstrumentLink } from "../../refs/refs";
import { useStandings } from "../../refs/Standing";
import { calibrationStatusName, calibrationTone } from "../../rpc/names";
import { rpc } from "../../rpc/transport";
import { ErrorView } from "../../ui/ErrorView";
import type { ListSearch } from "../../ui/ListTable";
import { Page, Section } from "../../ui/Page";
import { State } from "../../ui/State";
import { daysUntil, isPast, Time, ZoneContext } from "../../ui/Time";

const DAY_S = 86_400;
/** Days that one can look ahead. */
const AHEAD: Record<string, string> = {
  "30": m.calibrations_within_30_days(),
  "90": m.calibrations_within_90_days(),
  "365": m.calibrations_within_a_year(),
};

/** What has to be calibrated, by month: overdue first. */
export default function DuePage() {
  const asked = (useSearch({ strict: false }) as ListSearch).within ?? "";
  const within = asked in AHEAD ? asked : "90";
  const navigate = useNavigate();
  const zone = useContext(ZoneContext);
  const query = useQuery({
    queryKey: ["due", within],
    queryFn: async ({ signal }) =>
      (
        await rpc.calibrations.listDueCalibrations(
          { within: { seconds: BigInt(Number(within) * DAY_S), nanos: 0 } as Duration, pageSize: 1000 },
          { signal },
        )
      ).due,
  });
  useStandings();
  const months = new Map<string, DueCalibration[]>();
  for (const due of query.data ?? []) {
    const month = monthOf(due, zone);
    months.set(month, [...(months.get(month) ?? []), due]);
  }
  return (
    <Page
      title={m.calibrations_calibrations_due()}
      lead={m.calibrations_what_is_due()}
      actions={
        <NativeSelect
          aria-label={m.calibrations_within()}
          value={within}
          onChange={(event) => void navigate({ to: ".", search: { within: event.currentTarget.value } })}
        >
          {Object.entries(AHEAD).map(([days, name]) => (
            <option key={days} value={days}>
              {name}
            </option>
          ))}
        </NativeSelect>
      }
    >
      {query.error && !query.data ? <ErrorView error={query.error} again={() => query.refetch()} /> : null}
      {query.data?.length === 0 && <Text c="dimmed">{m.calibrations_nothing_is_due()}</Text>}
      {[...months].map(([month, due]) => (
        <Section key={month} title={month}>
          <Table aria-label={month} verticalSpacing="xs" layout="fixed">
            <Table.Tbody>
              {due.map((one) => (
                <Table.Tr key={one.instrument?.id}>
                  <Table.Td w="15%">{one.dueAt ? <Time at={one.dueAt} to="day" /> : m.calibrations_now()}</Table.Td>
                  <Table.Td w="20%">{left(one, zone)}</Table.Td>
                  <Table.Td>{one.instrument && <InstrumentLink id={one.instrument.id} />}</Table.Td>
                  <Table.Td w="18%">
                    {one.status && (
                      <State tone={calibrationTone[one.status.status]}>
                        {calibrationStatusName(one.status.status)}
                      </State>
                    )}
                  </Table.Td>
                  <Table.Td w="15%">{one.instrument?.location}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Section>
      ))}
    </Page>
  );
}

function monthOf(due: DueCalibration, zone: string): string {
  if (!due.dueAt || isPast(due.dueAt)) return m.calibrations_overdue();
  return new Intl.DateTimeFormat("en-GB", { month: "long", year: "numeric", timeZone: zone }).format(
    timestampDate(due.dueAt),
  );
}

function left(due: DueCalibration, zone: string): string {
  if (due.status?.status === CalibrationStatus.OUT_OF_TOLERANCE) return m.calibrations_found_out_of_tolerance();
  if (!due.dueAt) return m.calibrations_no_calibration_in_force();
  const days = daysUntil(due.dueAt, zone);
  if (days < 0) return m.calibrations_days_over({ count: -days });
  return days === 0 ? m.calibrations_today() : m.calibrations_in_days({ count: days });
}
