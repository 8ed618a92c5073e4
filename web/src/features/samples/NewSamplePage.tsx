import { useNavigate, useSearch } from "@tanstack/react-router";
import { useForm } from "react-hook-form";
import { m } from "../../gen/words/messages";
import { useCan } from "../../rpc/me";
import { unless } from "../../ui/Action";
import { FormShell } from "../../ui/FormShell";
import type { ListSearch } from "../../ui/ListTable";
import { Page } from "../../ui/Page";
import { NONE, useCreateSample, type Values } from "./queries";
import { SampleFields } from "./SampleFields";

export default function NewSamplePage() {
  const navigate = useNavigate();
  const may = useCan()("samples.write");
  const { barcode } = useSearch({ strict: false }) as ListSearch;
  const form = useForm<Values>({ defaultValues: { ...NONE, barcode: barcode ?? "" } });
  const create = useCreateSample(
    (sample) => void navigate({ to: "/samples/$id", params: { id: sample.id }, ignoreBlocker: true }),
  );
  return (
    <Page title={m.samples_register_a_sample()}>
      <FormShell
        form={form}
        change={create}
        verb={m.samples_register()}
        disabledReason={unless(may, m.samples_register_samples())}
        submit={(values) => create.mutate(values)}
        cancel={() => void navigate({ to: "/samples" })}
      >
        <SampleFields form={form} />
      </FormShell>
    </Page>
  );
}
