import { Checkbox, Skeleton, Stack, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { Organization } from "../../gen/spectra/auth/v1/auth_pb";
import type { Policy as CalibrationPolicy } from "../../gen/spectra/calibration/v1/calibration_pb";
import type { Policy as RunPolicy } from "../../gen/spectra/runs/v1/policy_pb";
import { m } from "../../gen/words/messages";
import { failure } from "../../rpc/failure";
import { useCan } from "../../rpc/me";
import { FOLLOWED, useChange } from "../../rpc/query";
import { rpc } from "../../rpc/transport";
import { Action, unless } from "../../ui/Action";
import { Conflict, isConflict, type Names } from "../../ui/Conflict";
import { ErrorView } from "../../ui/ErrorView";
import { fieldOf } from "../../ui/FormShell";
import { Page, Section } from "../../ui/Page";
import { useUnsaved } from "../../ui/unsaved";

/** The laboratory's name and zone, and its policies. Everybody may read them; administrators change them. */
export default function SettingsPage() {
  return (
    <Page title={m.settings_laboratory()}>
      <OrganizationPart />
      <CalibrationPart />
      <RunsPart />
    </Page>
  );
}

interface Part<Stored extends { etag: string }> {
  title: string;
  queryKey: string;
  may: string;
  read: (signal: AbortSignal) => Promise<Stored | undefined>;
  write: (stored: Stored, requestId: string) => Promise<unknown>;
  touches: string[];
  /** What the fields are called. */
  names: Names<Stored>;
  fields: (
    stored: Stored,
    set: (change: Partial<Stored>) => void,
    readOnly: boolean,
    faults: Record<string, string>,
  ) => ReactNode;
}

/** Something of which there is one: read, changed in place, saved with the tag that it was read with. */
function Editable<Stored extends { etag: string }>(part: Part<Stored>) {
  const may = useCan()(part.may);
  const barred = unless(may, m.settings_change_this());
  const [edited, setEdited] = useState<Stored>();
  useUnsaved(edited !== undefined);
  const query = useQuery({ ...FOLLOWED, queryKey: [part.queryKey], queryFn: ({ signal }) => part.read(signal) });
  const save = useChange(part.write, {
    touches: [[part.queryKey], ["audit"], ...part.touches.map((name) => [name])],
    done: () => setEdited(undefined),
  });
  const settle = (now: Stored | undefined) => {
    setEdited(now);
    save.reset();
  };
  const shown = edited ?? query.data;
  const violations = save.error ? failure(save.error).violations : [];
  const faults = Object.fromEntries(violations.map(({ field, description }) => [fieldOf(field), description]));
  if (query.error && !query.data) return <ErrorView error={query.error} again={() => query.refetch()} />;
  return (
    <Section title={part.title}>
      {shown ? (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (edited) save.mutate(edited);
          }}
        >
          {barred && (
            <Text size="sm" c="dimmed" mb="sm">
              {barred}
            </Text>
          )}
          <Stack gap="sm">{part.fields(shown, (change) => settle({ ...shown, ...change }), !may, faults)}</Stack>
          {save.error ? (
            <ErrorView
              error={save.error}
              {...(edited && !isConflict(save.error) ? { again: () => save.mutate(edited) } : {})}
            />
          ) : null}
          {isConflict(save.error) && edited && query.data && (
            <Conflict
              fields={part.names}
              stored={query.data}
              typed={edited}
              take={() => settle(undefined)}
              keep={() => settle({ ...edited, etag: query.data?.etag ?? "" })}
            />
          )}
          <Action
            type="submit"
            mt="sm"
            loading={save.isPending}
            disabledReason={barred ?? (edited ? undefined : m.settings_nothing_has_been_changed())}
          >
            {m.ui_save()}
          </Action>
        </form>
      ) : (
        <Skeleton height={80} />
      )}
    </Section>
  );
}

function OrganizationPart() {
  return Editable<Organization>({
    title: m.settings_organization(),
    queryKey: "organization",
    may: "organization.write",
    read: async (signal) => (await rpc.organizations.getOrganization({}, { signal })).organization,
    write: (organization, requestId) =>
      rpc.organizations.updateOrganization({ organization, updateMask: { paths: ["name", "time_zone"] }, requestId }),
    touches: ["me"],
    names: { name: m.ui_name(), timeZone: m.settings_time_zone() },
    fields: (stored, set, readOnly, faults) => (
      <>
        <TextInput
          label={m.ui_name()}
          error={faults.name}
          maw={360}
          value={stored.name}
          readOnly={readOnly}
          onChange={(event) => set({ name: event.currentTarget.value })}
        />
        <TextInput
          label={m.settings_time_zone()}
          error={faults.timeZone}
          description={m.settings_as_in_europe_berlin()}
          maw={360}
          value={stored.timeZone}
          readOnly={readOnly}
          onChange={(event) => set({ timeZone: event.currentTarget.value })}
        />
      </>
    ),
  });
}

function CalibrationPart() {
  return Editable<CalibrationPolicy>({
    title: m.settings_calibration_policy(),
    queryKey: "calibrationPolicy",
    may: "policies.write",
    read: async (signal) => (await rpc.calibrations.getPolicy({}, { signal })).policy,
    write: (policy, requestId) =>
      rpc.calibrations.updatePolicy({
        policy,
        updateMask: { paths: ["due_soon_days", "certificate_review"] },
        requestId,
      }),
    touches: ["calibrationStatus"],
    names: {
      dueSoonDays: m.settings_due_soon_days_ahead(),
      certificateReview: m.settings_certificates_come_into_force_only_once(),
    },
    fields: (stored, set, readOnly, faults) => (
      <>
        <TextInput
          error={faults.dueSoonDays}
          label={m.settings_due_soon_days_ahead()}
          type="number"
          maw={360}
          min={0}
          max={3650}
          step={1}
          required
          // While it is empty, the browser keeps it from being sent.
          value={Number.isNaN(stored.dueSoonDays) ? "" : stored.dueSoonDays}
          readOnly={readOnly}
          onChange={(event) => set({ dueSoonDays: event.currentTarget.valueAsNumber })}
        />
        <Checkbox
          label={m.settings_certificates_come_into_force_only_once()}
          checked={stored.certificateReview}
          disabled={readOnly}
          onChange={(event) => set({ certificateReview: event.currentTarget.checked })}
        />
      </>
    ),
  });
}

function RunsPart() {
  return Editable<RunPolicy>({
    title: m.settings_run_policy(),
    queryKey: "runPolicy",
    may: "policies.write",
    read: async (signal) => (await rpc.runs.getPolicy({}, { signal })).policy,
    write: (policy, requestId) =>
      rpc.runs.updatePolicy({ policy, updateMask: { paths: ["require_approved_recipe", "four_eyes"] }, requestId }),
    touches: [],
    names: {
      requireApprovedRecipe: m.settings_runs_are_made_from_approved_recipes(),
      fourEyes: m.settings_nobody_approves_a_recipe_of_their(),
    },
    fields: (stored, set, readOnly) => (
      <>
        <Checkbox
          label={m.settings_runs_are_made_from_approved_recipes()}
          checked={stored.requireApprovedRecipe}
          disabled={readOnly}
          onChange={(event) => set({ requireApprovedRecipe: event.currentTarget.checked })}
        />
        <Checkbox
          label={m.settings_nobody_approves_a_recipe_of_their()}
          checked={stored.fourEyes}
          disabled={readOnly}
          onChange={(event) => set({ fourEyes: event.currentTarget.checked })}
        />
      </>
    ),
  });
}
