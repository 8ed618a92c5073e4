import { TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useState } from "react";
import { type Sample, SampleStatus } from "../../gen/spectra/samples/v1/sample_pb";
import { SamplesService } from "../../gen/spectra/samples/v1/samples_service_pb";
import { m } from "../../gen/words/messages";
import { permissionOf, useCan } from "../../rpc/me";
import { sampleStatusName } from "../../rpc/names";
import { useChange } from "../../rpc/query";
import { rpc } from "../../rpc/transport";
import { Action, unless } from "../../ui/Action";
import { Confirm } from "../../ui/Confirm";
import { key } from "./queries";

const GONE = [SampleStatus.CONSUMED, SampleStatus.DISPOSED, SampleStatus.LOST];

/** Says where a sample is now. The code on a shelf can be scanned: its Enter sends it. */
export function MoveSample({ sample }: { sample: Sample }) {
  const [opened, { open, close }] = useDisclosure();
  const [location, setLocation] = useState("");
  const may = useCan()(permissionOf(SamplesService.method.moveSample));
  const change = useChange(
    (move: { id: string; etag: string; location: string; reason: string }, requestId) =>
      rpc.samples.moveSample({ ...move, requestId }),
    { touches: [key, ["audit"]] },
  );
  const gone = GONE.includes(sample.status)
    ? m.samples_it_is({ status: sampleStatusName(sample.status).toLowerCase() })
    : undefined;
  return (
    <>
      <Action
        variant="default"
        disabledReason={unless(may, m.samples_move_samples()) ?? gone}
        onClick={() => {
          setLocation("");
          open();
        }}
      >
        {m.samples_move()}
      </Action>
      <Confirm
        opened={opened}
        close={close}
        title={m.samples_move_named({ name: sample.name })}
        fields={
          <TextInput
            label={m.samples_new_location()}
            description={
              sample.location
                ? m.samples_it_is_recorded_at({ location: sample.location })
                : m.samples_no_location_is_recorded()
            }
            required
            maxLength={120}
            data-autofocus
            value={location}
            onChange={(event) => setLocation(event.currentTarget.value)}
          />
        }
        entered={location !== ""}
        reason={m.ui_reason()}
        verb={m.samples_move()}
        change={change}
        input={(reason) => ({ id: sample.id, etag: sample.etag, location: location.trim(), reason })}
      />
    </>
  );
}
