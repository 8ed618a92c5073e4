import { keepPreviousData, useQuery } from "@tanstack/react-query";
import type { DueCalibration } from "../../gen/spectra/calibration/v1/calibration_pb";
import { rpc } from "../../rpc/transport";
import { isPast } from "../../ui/Time";

const DAY_MS = 86_400_000;
/** As far as the server looks ahead. */
const FARTHEST_DAYS = 3650;
const PAGE_SIZE = 1000;

/** The last month that lies within what the server looks ahead, such as 2036-10. */
export function farthestMonth(now = Date.now()): string {
  const end = new Date(now + FARTHEST_DAYS * DAY_MS);
  return new Date(Date.UTC(end.getUTCFullYear(), end.getUTCMonth(), 0)).toISOString().slice(0, 7);
}

/** All that has to be calibrated until then, the overdue first; `name` tells one time from another. */
export function useDue(name: string, until: () => number) {
  return useQuery({
    queryKey: ["due", name],
    queryFn: async ({ signal }) => {
      const seconds = Math.max(0, Math.ceil((until() - Date.now()) / 1000));
      const within = { seconds: BigInt(seconds), nanos: 0 };
      const due: DueCalibration[] = [];
      let pageToken = "";
      do {
        const asked = { within, pageSize: PAGE_SIZE, pageToken };
        const page = await rpc.calibrations.listDueCalibrations(asked, { signal });
        due.push(...page.due);
        pageToken = page.nextPageToken;
      } while (pageToken);
      return due;
    },
    placeholderData: keepPreviousData,
  });
}

export function isOverdue({ dueAt }: DueCalibration): boolean {
  return !dueAt || isPast(dueAt);
}
