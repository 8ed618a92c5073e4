import { useDisclosure } from "@mantine/hooks";
import { useForm } from "react-hook-form";
import type { Instrument } from "../../gen/spectra/calibration/v1/instrument_pb";
import { InstrumentsService } from "../../gen/spectra/calibration/v1/instruments_service_pb";
import { m } from "../../gen/words/messages";
import { permissionOf, useCan } from "../../rpc/me";
import { useChange } from "../../rpc/query";
import { rpc } from "../../rpc/transport";
import { Action, unless } from "../../ui/Action";
import { useBase } from "../../ui/Conflict";
import { Dialog } from "../../ui/Dialog";
import { FormShell } from "../../ui/FormShell";
import { FIELD, InstrumentFields } from "./InstrumentFields";
import { key, messageOf, type Values, valuesOf } from "./queries";

const PATHS = [
  "asset_code",
  "manufacturer",
  "model",
  "serial_number",
  "firmware",
  "location",
  "capabilities",
  "methods",
  "calibration_interval_days",
];

/** Changes what is known of an instrument. */
export function EditInstrument({ instrument }: { instrument: Instrument }) {
  const [opened, { open, close }] = useDisclosure();
  const may = useCan()(permissionOf(InstrumentsService.method.updateInstrument));
  return (
    <>
      <Action variant="default" disabledReason={unless(may, m.instruments_edit_instruments())} onClick={open}>
        {m.instruments_edit()}
      </Action>
      <Dialog opened={opened} close={close} title={m.instruments_edit_named({ instrument: instrument.assetCode })} wide>
        <Editor stored={instrument} close={close} />
      </Dialog>
    </>
  );
}

function Editor({ stored, close }: { stored: Instrument; close: () => void }) {
  const form = useForm<Values>({ defaultValues: valuesOf(stored) });
  const update = useChange(
    ({ values, etag }: { values: Values; etag: string }, requestId) =>
      rpc.instruments.updateInstrument({
        instrument: { id: stored.id, etag, ...messageOf(values) },
        updateMask: { paths: PATHS },
        requestId,
      }),
    { touches: [key, ["audit"]], done: close },
  );
  const { base, conflict } = useBase({
    stored,
    valuesOf,
    fields: FIELD,
    typed: form.getValues,
    fill: form.reset,
    change: update,
  });
  return (
    <FormShell
      form={form}
      change={update}
      verb={m.ui_save()}
      submit={(values) => update.mutate({ values, etag: base.etag })}
      cancel={close}
      conflict={conflict}
    >
      <InstrumentFields form={form} />
    </FormShell>
  );
}
