import { timestampDate } from "@bufbuild/protobuf/wkt";
import { Anchor, Stack, Table, Text, VisuallyHidden } from "@mantine/core";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useContext } from "react";
import type { DueCalibration } from "../../gen/spectra/calibration/v1/calibration_pb";
import { m } from "../../gen/words/messages";
import { calibrationStatusName, calibrationTone } from "../../rpc/names";
import { Action } from "../../ui/Action";
import { ErrorView } from "../../ui/ErrorView";
import type { ListSearch } from "../../ui/ListTable";
import { Section } from "../../ui/Page";
import { State } from "../../ui/State";
import { formatTime, startOfDay, ZoneContext } from "../../ui/Time";
import classes from "./DueCalendar.module.css";
import { DueTable } from "./DueTable";
import { farthestMonth, isOverdue, useDue } from "./due";
import { isMonth, monthAfter, weeksOf } from "./month";

const written = (options: Intl.DateTimeFormatOptions) =>
  new Intl.DateTimeFormat("en-GB", { ...options, timeZone: "UTC" });
const MONTH = written({ month: "long", year: "numeric" });
const [WEEKDAY, SHORT] = [written({ weekday: "long" }), written({ weekday: "short" })];
/** Any week, from Monday on. */
const WEEK = Array.from({ length: 7 }, (_, day) => new Date(Date.UTC(2024, 0, 1 + day)));

/** A month of what has to be calibrated, each instrument in the day that its calibration ends, by the lab's calendar. */
export function DueCalendar() {
  const zone = useContext(ZoneContext);
  const navigate = useNavigate();
  const { month: asked = "" } = useSearch({ strict: false }) as ListSearch;
  const today = formatTime(new Date(), zone, "day");
  const now = today.slice(0, 7);
  const farthest = farthestMonth();
  const month = isMonth(asked) && asked <= farthest ? asked : now;
  const query = useDue(month, () => startOfDay(`${monthAfter(month, 1)}-01`, zone).getTime());
  const overdue = query.data?.filter(isOverdue) ?? [];
  const days = new Map<string, DueCalibration[]>();
  for (const due of query.data ?? []) {
    if (!due.dueAt) continue;
    const day = formatTime(timestampDate(due.dueAt), zone, "day");
    days.set(day, [...(days.get(day) ?? []), due]);
  }
  const name = MONTH.format(new Date(`${month}-01`));
  const count = [...days].reduce((sum, [day, due]) => sum + (day.startsWith(month) ? due.length : 0), 0);
  const turn = (to: string) =>
    void navigate({
      to: ".",
      search: (old: ListSearch) => ({ ...old, month: to }),
      resetScroll: false,
    } as never);
  const told = month < now ? m.calibrations_was_due_in_month : m.calibrations_due_in_month;
  if (query.error) return <ErrorView error={query.error} again={() => query.refetch()} />;
  return (
    <Stack>
      {overdue.length > 0 && <DueTable title={m.calibrations_overdue()} due={overdue} />}
      <Section
        title={name}
        actions={
          <>
            <Action size="xs" variant="default" onClick={() => turn(monthAfter(month, -1))}>
              {m.calibrations_previous_month()}
            </Action>
            <Action size="xs" variant="default" onClick={() => turn("")}>
              {m.calibrations_this_month()}
            </Action>
            <Action
              size="xs"
              variant="default"
              disabledReason={month >= farthest ? m.calibrations_ten_years_ahead() : undefined}
              onClick={() => turn(monthAfter(month, 1))}
            >
              {m.calibrations_next_month()}
            </Action>
          </>
        }
      >
        <Text size="sm" c="dimmed" role="status" aria-busy={query.isPlaceholderData}>
          {query.data && !query.isPlaceholderData ? told({ count, month: name }) : "…"}
        </Text>
        <Table aria-label={name} layout="fixed" withTableBorder withColumnBorders className={classes.sheet}>
          <Table.Thead>
            <Table.Tr>
              {WEEK.map((day) => (
                <Table.Th key={day.getTime()} scope="col" abbr={WEEKDAY.format(day)}>
                  {SHORT.format(day)}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {weeksOf(month).map((week) => (
              <Table.Tr key={week.join()}>
                {week.map((day, nth) => (
                  <Table.Td
                    key={day ?? `${nth}`}
                    className={day ? classes.day : classes.other}
                    aria-current={day === today ? "date" : undefined}
                  >
                    {day && (
                      <>
                        <time dateTime={day} className={classes.date}>
                          {Number(day.slice(-2))}
                          {day === today && ` ${m.calibrations_today()}`}
                        </time>
                        {days.get(day)?.map((due) => (
                          <Due key={due.instrument?.id} due={due} />
                        ))}
                      </>
                    )}
                  </Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Section>
    </Stack>
  );
}

/** An instrument in its day, with how it stands now. */
function Due({ due: { instrument, status } }: { due: DueCalibration }) {
  if (!instrument || !status) return null;
  const { id, assetCode, manufacturer, model } = instrument;
  return (
    <Anchor
      className={classes.due}
      title={`${manufacturer} ${model}`}
      renderRoot={(props) => <Link to="/instruments/$id" params={{ id }} {...props} />}
    >
      <State tone={calibrationTone[status.status]}>{assetCode}</State>
      <VisuallyHidden>{calibrationStatusName(status.status)}</VisuallyHidden>
    </Anchor>
  );
}
