import { Checkbox, Fieldset, Group, SimpleGrid, Textarea, TextInput } from "@mantine/core";
import type { UseFormReturn } from "react-hook-form";
import { m } from "../../gen/words/messages";
import { useMethods } from "../../refs/refs";
import { misread } from "./capabilities";
import type { Values } from "./queries";

/** What each field is called. */
export const FIELD: Record<keyof Values, string> = {
  assetCode: m.instruments_asset_code(),
  serialNumber: m.instruments_serial_number(),
  manufacturer: m.instruments_manufacturer(),
  model: m.instruments_model(),
  firmware: m.instruments_firmware(),
  location: m.instruments_location(),
  calibrationIntervalDays: m.instruments_calibration_interval_days(),
  methods: m.instruments_methods(),
  capabilities: m.instruments_capabilities(),
};

export function InstrumentFields({ form }: { form: UseFormReturn<Values> }) {
  const methods = useMethods();
  const { register, formState } = form;
  const error = (name: keyof Values) => formState.errors[name]?.message;
  return (
    <>
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        <TextInput
          label={FIELD.assetCode}
          required
          data-autofocus
          {...register("assetCode", { required: m.instruments_it_needs_one() })}
          error={error("assetCode")}
        />
        <TextInput label={FIELD.serialNumber} {...register("serialNumber")} error={error("serialNumber")} />
        <TextInput
          label={FIELD.manufacturer}
          required
          {...register("manufacturer", { required: m.instruments_who_makes_it() })}
          error={error("manufacturer")}
        />
        <TextInput
          label={FIELD.model}
          required
          {...register("model", { required: m.instruments_which_one_is_it() })}
          error={error("model")}
        />
        <TextInput label={FIELD.firmware} {...register("firmware")} error={error("firmware")} />
        <TextInput label={FIELD.location} {...register("location")} error={error("location")} />
        <TextInput
          label={FIELD.calibrationIntervalDays}
          inputMode="numeric"
          {...register("calibrationIntervalDays", {
            pattern: { value: /^\s*\d*\s*$/, message: m.instruments_a_whole_number_of_days() },
          })}
          error={error("calibrationIntervalDays")}
        />
      </SimpleGrid>
      {methods.data && (
        <Fieldset variant="unstyled" legend={m.instruments_methods_none_for_any()}>
          <Group>
            {methods.data.map((method) => (
              <Checkbox key={method.code} value={method.code} label={method.title} {...register("methods")} />
            ))}
          </Group>
        </Fieldset>
      )}
      <Textarea
        label={FIELD.capabilities}
        description={m.instruments_what_it_can_measure_or_apply()}
        autosize
        minRows={2}
        {...register("capabilities", {
          validate: (lines) =>
            misread(lines).map((line) => m.instruments_capability_misread({ line: line.trim() }))[0] ?? true,
        })}
        error={error("capabilities")}
      />
    </>
  );
}
