import { useNavigate } from "@tanstack/react-router";
import { useForm } from "react-hook-form";
import { m } from "../../gen/words/messages";
import { useChange } from "../../rpc/query";
import { rpc } from "../../rpc/transport";
import { FormShell } from "../../ui/FormShell";
import { InstrumentFields } from "./InstrumentFields";
import { key, messageOf, NONE, type Values } from "./queries";

export function NewInstrument({ close }: { close: () => void }) {
  const navigate = useNavigate();
  const form = useForm<Values>({ defaultValues: NONE });
  const create = useChange(
    (values: Values, requestId) => rpc.instruments.createInstrument({ instrument: messageOf(values), requestId }),
    {
      touches: [key],
      done: ({ instrument }) =>
        instrument && void navigate({ to: "/instruments/$id", params: { id: instrument.id }, ignoreBlocker: true }),
    },
  );
  return (
    <FormShell
      form={form}
      change={create}
      verb={m.instruments_add()}
      submit={(values) => create.mutate(values)}
      cancel={close}
    >
      <InstrumentFields form={form} />
    </FormShell>
  );
}
