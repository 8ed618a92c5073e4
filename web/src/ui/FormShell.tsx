import { Group, Stack } from "@mantine/core";
import { type ReactNode, useEffect } from "react";
import type { FieldValues, Path, UseFormReturn } from "react-hook-form";
import { m } from "../gen/words/messages";
import { failure } from "../rpc/failure";
import { Action } from "./Action";
import { ErrorView } from "./ErrorView";
import { leaving, useUnsaved } from "./unsaved";

/** Names of the contract, `sample.lot_code`, as those of the form: `lotCode`. */
export function fieldOf(path: string): string {
  const name = path.includes(".") ? path.slice(path.indexOf(".") + 1) : path;
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** The one form: what the server finds wrong stands at the field that it is about; what was typed is never lost. */
export function FormShell<Values extends FieldValues>(props: {
  form: UseFormReturn<Values>;
  submit: (values: Values) => void;
  change: { isPending: boolean; error: unknown };
  verb: string;
  cancel: () => void;
  /** Why it cannot be sent now. */
  disabledReason?: string | undefined;
  /** Shown where somebody else has changed the same thing meanwhile. */
  conflict?: ReactNode;
  children: ReactNode;
}) {
  const { form, change } = props;
  useUnsaved(form.formState.isDirty);
  useEffect(() => {
    if (!change.error) return;
    const { violations, reason, metadata } = failure(change.error);
    for (const { field, description } of violations)
      form.setError(fieldOf(field) as Path<Values>, { message: description });
    if (reason === "RESOURCE_EXISTS" && metadata.field)
      form.setError(fieldOf(metadata.field) as Path<Values>, { message: m.ui_is_taken() });
  }, [change.error, form.setError]);
  // Enter in a field sends a form too, whatever its button says.
  const submit = (values: Values) => {
    if (props.disabledReason === undefined) props.submit(values);
  };
  const conflict = change.error ? failure(change.error).reason === "ETAG_MISMATCH" : false;
  return (
    <form onSubmit={form.handleSubmit(submit)} noValidate>
      <Stack maw={640}>
        {props.children}
        {change.error ? <ErrorView error={change.error} /> : null}
        {conflict && props.conflict}
        <Group>
          <Action type="submit" loading={change.isPending} disabledReason={props.disabledReason}>
            {props.verb}
          </Action>
          <Action variant="default" onClick={leaving(props.cancel)}>
            {m.ui_cancel()}
          </Action>
        </Group>
      </Stack>
    </form>
  );
}
