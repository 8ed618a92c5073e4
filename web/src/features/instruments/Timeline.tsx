import { timestampDate } from "@bufbuild/protobuf/wkt";
import { useContext } from "react";
import { type Calibration, CalibrationState } from "../../gen/spectra/calibration/v1/calibration_pb";
import { m } from "../../gen/words/messages";
import { calibrationStateName } from "../../rpc/names";
import { formatTime, ZoneContext } from "../../ui/Time";
import classes from "./Timeline.module.css";

const ROW = 24;
const BAR = ROW - 6;

/** When each certificate was valid: a bar each, cut where it was revoked, and a line for now. The table below says the same. */
export function Timeline({ certificates }: { certificates: Calibration[] }) {
  const zone = useContext(ZoneContext);
  const bars = certificates.flatMap((certificate) => {
    const { validFrom, expiresAt, revokedAt } = certificate;
    if (!validFrom || !expiresAt) return [];
    const end = timestampDate(expiresAt).getTime();
    return [
      {
        certificate,
        start: timestampDate(validFrom).getTime(),
        end,
        cut: revokedAt ? timestampDate(revokedAt).getTime() : end,
      },
    ];
  });
  const now = Date.now();
  const first = Math.min(now, ...bars.map((bar) => bar.start));
  const last = Math.max(now, ...bars.map((bar) => bar.end));
  const share = (time: number) => (100 * (time - first)) / Math.max(1, last - first);
  const height = bars.length * ROW + 4;
  return (
    <figure className={classes.figure}>
      <svg width="100%" height={height} role="img" aria-label={m.instruments_when_each_certificate_is_valid()}>
        {bars.map((bar, index) => (
          // Within a picture of its own, so that what does not fit into the bar is cut off.
          <svg
            key={bar.certificate.id}
            x={`${share(bar.start)}%`}
            width={`${Math.max(0.4, share(bar.end) - share(bar.start))}%`}
            y={index * ROW + 2}
            height={BAR}
            aria-hidden="true"
          >
            <title>{`${bar.certificate.certificateId}: ${calibrationStateName(bar.certificate.state)}`}</title>
            <rect
              width="100%"
              height={BAR}
              className={bar.certificate.state === CalibrationState.ACCEPTED ? classes.accepted : classes.other}
            />
            {bar.cut < bar.end && (
              <rect
                x={`${(100 * (bar.cut - bar.start)) / (bar.end - bar.start)}%`}
                width="100%"
                height={BAR}
                className={classes.revoked}
              />
            )}
            <text x={6} y={BAR - 5} className={classes.name}>
              {bar.certificate.certificateId}
            </text>
          </svg>
        ))}
        <line x1={`${share(now)}%`} x2={`${share(now)}%`} y1={0} y2={height} className={classes.now} />
      </svg>
      <figcaption className={classes.caption}>
        <span>{formatTime(new Date(first), zone, "day")}</span>
        <span>{formatTime(new Date(last), zone, "day")}</span>
      </figcaption>
    </figure>
  );
}
