import { NativeSelect, SimpleGrid, Textarea, TextInput } from "@mantine/core";
import type { UseFormReturn } from "react-hook-form";
import { m } from "../../gen/words/messages";
import { useProjects } from "../../refs/refs";
import { isQuantity } from "../../ui/quantity";
import { faultOf } from "./attributes";
import type { Values } from "./queries";

/** What each field is called. */
export const FIELD: Record<keyof Values, string> = {
  name: m.ui_name(),
  materialType: m.samples_material(),
  barcode: m.samples_barcode(),
  lotCode: m.samples_lot(),
  location: m.samples_location(),
  projectId: m.samples_project(),
  quantity: m.samples_amount(),
  attributes: m.samples_attributes(),
};

export function SampleFields({ form }: { form: UseFormReturn<Values> }) {
  const { register, formState } = form;
  const projects = useProjects();
  const project = form.watch("projectId");
  const error = (name: keyof Values) => formState.errors[name]?.message;
  return (
    <>
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        <TextInput
          label={FIELD.name}
          required
          {...register("name", { required: m.samples_a_sample_needs_a_name() })}
          error={error("name")}
        />
        <TextInput
          label={FIELD.materialType}
          placeholder={m.samples_such_as_gan_wafer()}
          required
          {...register("materialType", { required: m.samples_say_what_it_is_made_of() })}
          error={error("materialType")}
        />
        <TextInput
          label={FIELD.barcode}
          description={m.samples_scan_it_or_leave_it_empty()}
          {...register("barcode")}
          error={error("barcode")}
          onKeyDown={(event) => event.key === "Enter" && event.preventDefault()}
        />
        <TextInput
          label={FIELD.lotCode}
          description={m.samples_wafers_of_one_lot_share_it()}
          {...register("lotCode")}
          error={error("lotCode")}
        />
        <TextInput label={FIELD.location} {...register("location")} error={error("location")} />
        {/* Its value is told at each render: projects may come after the form. */}
        <NativeSelect label={FIELD.projectId} {...register("projectId")} value={project} error={error("projectId")}>
          <option value="">{m.ui_none_chosen()}</option>
          {projects.data
            ?.filter(({ id, archivedAt }) => !archivedAt || id === project)
            .map(({ id, code, name }) => (
              <option key={id} value={id}>
                {code} {name}
              </option>
            ))}
        </NativeSelect>
        <TextInput
          label={FIELD.quantity}
          description={m.samples_such_as_12_50_mg()}
          {...register("quantity", {
            validate: (text) => isQuantity(text) || m.samples_write_a_number(),
          })}
          error={error("quantity")}
        />
      </SimpleGrid>
      <Textarea
        label={FIELD.attributes}
        description={m.samples_a_line_each()}
        autosize
        minRows={3}
        {...register("attributes", { validate: attributesFault })}
        error={error("attributes")}
      />
    </>
  );
}

function attributesFault(lines: string): string | true {
  const fault = faultOf(lines);
  if (!fault) return true;
  return "bare" in fault
    ? m.samples_a_colon_is_missing({ line: fault.bare })
    : m.samples_stands_there_twice({ name: fault.twice });
}
