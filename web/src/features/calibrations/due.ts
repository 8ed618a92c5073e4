import { keepPreviousData, useQuery } from "@tanstack/react-query";
import type { DueCalibration } from "../../gen/spectra/calibration/v1/calibration_pb";
import { rpc } from "../../rpc/transport";
import { isPast } from "../../ui/Time";

/** As far as the server looks ahead. */
const FARTHEST_S = 3650 * 86_400;

/** What has to be calibrated until then, the overdue first; `name` tells one time from another. */
export function useDue(name: string, secondsAhead: () => number) {
  return useQuery({
    queryKey: ["due", name],
    queryFn: async ({ signal }) => {
      const seconds = Math.min(Math.max(0, Math.ceil(secondsAhead())), FARTHEST_S);
      const within = { seconds: BigInt(seconds), nanos: 0 };
      return (await rpc.calibrations.listDueCalibrations({ within, pageSize: 1000 }, { signal })).due;
    },
    placeholderData: keepPreviousData,
  });
}

export function isOverdue({ dueAt }: DueCalibration): boolean {
  return !dueAt || isPast(dueAt);
}
