import { timestampDate } from "@bufbuild/protobuf/wkt";
import { NativeSelect, SegmentedControl, Skeleton, Text } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useContext } from "react";
import type { DueCalibration } from "../../gen/spectra/calibration/v1/calibration_pb";
import { m } from "../../gen/words/messages";
import { useStandings } from "../../refs/Standing";
import { ErrorView } from "../../ui/ErrorView";
import type { ListSearch } from "../../ui/ListTable";
import { Page } from "../../ui/Page";
import { ZoneContext } from "../../ui/Time";
import { DueCalendar } from "./DueCalendar";
import { DueTable } from "./DueTable";
import { isOverdue, useDue } from "./due";

const DAY_MS = 86_400_000;
/** Days that one can look ahead. */
const AHEAD: Record<string, string> = {
  "30": m.calibrations_within_30_days(),
  "90": m.calibrations_within_90_days(),
  "365": m.calibrations_within_a_year(),
};
const CALENDAR = "calendar";
const VIEWS = [
  { value: "", label: m.calibrations_list() },
  { value: CALENDAR, label: m.calibrations_calendar() },
];

/** What has to be calibrated, as a list by month or as a calendar's sheet: overdue first. */
export default function DuePage() {
  const { view = "", within: asked = "" } = useSearch({ strict: false }) as ListSearch;
  const within = asked in AHEAD ? asked : "90";
  const navigate = useNavigate();
  const ask = (change: ListSearch) =>
    navigate({ to: ".", search: (old: ListSearch) => ({ ...old, ...change }) } as never);
  useStandings();
  return (
    <Page
      title={m.calibrations_calibrations_due()}
      lead={m.calibrations_what_is_due()}
      actions={
        <>
          {view !== CALENDAR && (
            <NativeSelect
              aria-label={m.calibrations_within()}
              value={within}
              onChange={(event) => void ask({ within: event.currentTarget.value })}
            >
              {Object.entries(AHEAD).map(([days, name]) => (
                <option key={days} value={days}>
                  {name}
                </option>
              ))}
            </NativeSelect>
          )}
          <SegmentedControl
            aria-label={m.calibrations_shown_as()}
            data={VIEWS}
            value={view === CALENDAR ? CALENDAR : ""}
            onChange={(view) => void ask({ view })}
          />
        </>
      }
    >
      {view === CALENDAR ? <DueCalendar /> : <DueList within={within} />}
    </Page>
  );
}

function DueList({ within }: { within: string }) {
  const zone = useContext(ZoneContext);
  const query = useDue(within, () => Date.now() + Number(within) * DAY_MS);
  const months = new Map<string, DueCalibration[]>();
  for (const due of query.data ?? []) {
    const month = monthOf(due, zone);
    months.set(month, [...(months.get(month) ?? []), due]);
  }
  if (query.error && !query.data) return <ErrorView error={query.error} again={() => query.refetch()} />;
  if (!query.data) return <Skeleton height={300} />;
  return (
    <>
      {query.data.length === 0 && <Text c="dimmed">{m.calibrations_nothing_is_due()}</Text>}
      {[...months].map(([month, due]) => (
        <DueTable key={month} title={month} due={due} />
      ))}
    </>
  );
}

function monthOf(due: DueCalibration, zone: string): string {
  if (!due.dueAt || isOverdue(due)) return m.calibrations_overdue();
  return new Intl.DateTimeFormat("en-GB", { month: "long", year: "numeric", timeZone: zone }).format(
    timestampDate(due.dueAt),
  );
}
