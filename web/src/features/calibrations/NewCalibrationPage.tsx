import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  Checkbox,
  Fieldset,
  Group,
  NativeSelect,
  SimpleGrid,
  Skeleton,
  Text,
  Textarea,
  TextInput,
} from "@mantine/core";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useForm } from "react-hook-form";
import { Conformity } from "../../gen/spectra/calibration/v1/calibration_pb";
import { CalibrationService } from "../../gen/spectra/calibration/v1/calibration_service_pb";
import type { Instrument } from "../../gen/spectra/calibration/v1/instrument_pb";
import { m } from "../../gen/words/messages";
import { useInstruments } from "../../refs/refs";
import { permissionOf, useCan, useMe } from "../../rpc/me";
import { useChange } from "../../rpc/query";
import { rpc } from "../../rpc/transport";
import { unless } from "../../ui/Action";
import { ErrorView } from "../../ui/ErrorView";
import { FormShell } from "../../ui/FormShell";
import { Missing } from "../../ui/Missing";
import { Page } from "../../ui/Page";
import { FIRST_DAY, formatTime, isDay, startOfDay } from "../../ui/Time";
import { CONFORMITY, isUnfit } from "./conformity";

interface Values {
  certificateId: string;
  provider: string;
  accreditation: string;
  issuedAt: string;
  validFrom: string;
  expiresAt: string;
  asFound: string;
  asLeft: string;
  adjusted: boolean;
  /** Quantities; of one alone, the form makes a word or false. */
  scope: string[] | string | false;
  standardsUsed: string;
}

const DAY = {
  required: m.calibrations_when(),
  validate: (day: string) => isDay(day) || m.calibrations_the_year_in_full(),
};

function initial(zone: string, { capabilities }: Instrument): Values {
  const now = new Date();
  const inAYear = new Date(now);
  inAYear.setFullYear(inAYear.getFullYear() + 1);
  return {
    certificateId: "",
    provider: "",
    accreditation: "",
    issuedAt: formatTime(now, zone, "day"),
    validFrom: "",
    expiresAt: formatTime(inAYear, zone, "day"),
    asFound: "1",
    asLeft: "1",
    adjusted: false,
    scope: capabilities.map(({ quantity }) => quantity),
    standardsUsed: "",
  };
}

/** What the calibration laboratory's paper says (ISO/IEC 17025, 7.8). */
export default function NewCalibrationPage() {
  const { id } = useParams({ from: "/instruments/$id/certificates/new" });
  const instruments = useInstruments();
  const instrument = instruments.data?.find((one) => one.id === id);
  // Which day it is, the lab's zone says.
  const zone = useMe().data?.organization?.timeZone;
  if (instruments.error && !instruments.data)
    return <ErrorView error={instruments.error} again={() => instruments.refetch()} />;
  if (instruments.data && !instrument) return <Missing />;
  return (
    <Page
      title={m.calibrations_enter_a_certificate()}
      lead={instrument ? `${instrument.assetCode}, ${instrument.manufacturer} ${instrument.model}` : "…"}
    >
      {zone === undefined || !instrument ? (
        <Skeleton height={300} />
      ) : (
        <Certificate instrument={instrument} zone={zone || "UTC"} />
      )}
    </Page>
  );
}

function Certificate({ instrument, zone }: { instrument: Instrument; zone: string }) {
  const { id } = instrument;
  const navigate = useNavigate();
  const may = useCan()(permissionOf(CalibrationService.method.createCalibration));
  const form = useForm<Values>({ defaultValues: initial(zone, instrument) });
  const leave = () => void navigate({ to: "/instruments/$id", params: { id } });
  const create = useChange(
    (values: Values, requestId) =>
      rpc.calibrations.createCalibration({
        calibration: {
          instrumentId: id,
          certificateId: values.certificateId,
          provider: values.provider,
          accreditation: values.accreditation,
          issuedAt: timestampFromDate(startOfDay(values.issuedAt, zone)),
          ...(values.validFrom ? { validFrom: timestampFromDate(startOfDay(values.validFrom, zone)) } : {}),
          expiresAt: timestampFromDate(startOfDay(values.expiresAt, zone)),
          asFound: Number(values.asFound),
          asLeft: Number(values.asLeft),
          adjusted: values.adjusted,
          scope: chosen(values.scope),
          standardsUsed: values.standardsUsed
            .split("\n")
            .map((line) => line.trim())
            .filter(Boolean),
        },
        requestId,
      }),
    {
      touches: [["calibrations"], ["calibrationStatus"], ["due"], ["audit"]],
      done: ({ calibration }) =>
        calibration && void navigate({ to: "/calibrations/$id", params: { id: calibration.id }, ignoreBlocker: true }),
    },
  );
  const { register, formState } = form;
  const error = (name: keyof Values) => formState.errors[name]?.message;
  const conformities = (
    <>
      {[Conformity.UNSPECIFIED, Conformity.IN_TOLERANCE, Conformity.OUT_OF_TOLERANCE].map((conformity) => (
        <option key={conformity} value={conformity}>
          {CONFORMITY[conformity]}
        </option>
      ))}
    </>
  );
  return (
    <FormShell
      form={form}
      change={create}
      verb={m.calibrations_enter()}
      disabledReason={unless(may, m.calibrations_enter_certificates())}
      submit={(values) => create.mutate(values)}
      cancel={leave}
    >
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        <TextInput
          label={m.calibrations_certificate_number()}
          required
          {...register("certificateId", { required: m.calibrations_as_it_is_printed() })}
          error={error("certificateId")}
        />
        <TextInput
          label={m.calibrations_calibration_laboratory()}
          required
          {...register("provider", { required: m.calibrations_who_issued_it() })}
          error={error("provider")}
        />
        <TextInput
          label={m.calibrations_accreditation()}
          description={m.calibrations_such_as_dakks_d_k_12345()}
          {...register("accreditation")}
          error={error("accreditation")}
        />
        <TextInput
          label={m.calibrations_issued()}
          type="date"
          min={FIRST_DAY}
          required
          {...register("issuedAt", DAY)}
          error={error("issuedAt")}
          description={m.calibrations_from_the_start_of_this_day({ zone })}
        />
        <TextInput
          label={m.calibrations_valid_from()}
          type="date"
          min={FIRST_DAY}
          {...register("validFrom", {
            validate: {
              day: (day) => day === "" || isDay(day) || m.calibrations_the_year_in_full(),
              finding: (day, { issuedAt, asFound, asLeft, adjusted }) =>
                day <= issuedAt ||
                !isUnfit({ asFound: Number(asFound), asLeft: Number(asLeft), adjusted }) ||
                m.calibrations_a_bad_finding_counts_at_once(),
            },
          })}
          error={error("validFrom")}
          description={m.calibrations_from_its_issue_unless_said()}
        />
        <TextInput
          label={m.calibrations_expires()}
          type="date"
          min={FIRST_DAY}
          required
          {...register("expiresAt", {
            ...DAY,
            validate: {
              day: DAY.validate,
              order: (day, { issuedAt, validFrom }) =>
                day > (validFrom || issuedAt) || m.calibrations_it_ends_after_it_begins(),
            },
          })}
          error={error("expiresAt")}
          description={m.calibrations_at_the_start_of_this_day({ zone })}
        />
        <NativeSelect
          label={m.calibrations_as_found()}
          {...register("asFound")}
          error={error("asFound")}
          description={m.calibrations_before_it_was_adjusted()}
        >
          {conformities}
        </NativeSelect>
        <NativeSelect
          label={m.calibrations_as_left()}
          {...register("asLeft")}
          error={error("asLeft")}
          description={m.calibrations_out_of_tolerance_keeps_runs()}
        >
          {conformities}
        </NativeSelect>
      </SimpleGrid>
      <Checkbox label={m.calibrations_it_was_adjusted()} {...register("adjusted")} />
      {instrument.capabilities.length > 0 && (
        <Fieldset variant="unstyled" legend={m.calibrations_covers()}>
          <Group>
            {instrument.capabilities.map(({ quantity }) => (
              <Checkbox
                key={quantity}
                value={quantity}
                label={quantity}
                {...register("scope", {
                  validate: (scope) => chosen(scope).length > 0 || m.calibrations_it_covers_something(),
                })}
                error={formState.errors.scope !== undefined}
              />
            ))}
          </Group>
          <Text size="sm" c={formState.errors.scope ? "var(--mantine-color-error)" : "dimmed"} mt={4}>
            {error("scope") ?? m.calibrations_what_a_run_needs_beside_it()}
          </Text>
        </Fieldset>
      )}
      <Textarea
        label={m.calibrations_standards_used()}
        description={m.calibrations_a_line_each()}
        autosize
        minRows={2}
        {...register("standardsUsed")}
        error={error("standardsUsed")}
      />
    </FormShell>
  );
}

function chosen(scope: Values["scope"]): string[] {
  return [scope].flat().filter((quantity) => quantity !== false);
}
