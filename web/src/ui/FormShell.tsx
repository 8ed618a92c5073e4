import { Group, Stack } from "@mantine/core";
import { type ReactNode, useEffect } from "react";
import type { FieldValues, Path, UseFormReturn } from "react-hook-form";
import { m } from "../gen/words/messages";
import { failure } from "../rpc/failure";
import { Action } from "./Action";
import { ErrorView } from "./ErrorView";
import { leaving, useUnsaved } from "./unsaved";

/** Names of the contract, `sample.lot_code` or `sample.tags[0].name`, as those of the form: `lotCode`, `tags`. */
export function fieldOf(path: string): string {
  const [, name = path] = /^(?:[^.[]+\.)?([^.[]+)/.exec(path) ?? [];
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** The one form: what the server finds wrong stands at the field that it is about; what was typed is never lost. */
export function FormShell<Values extends FieldValues>(props: {
  form: UseFormReturn<Values>;
  submit: (values: Values) => void;
  change: { isPending: boolean; error: unknown; reset: () => void };
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
    const tell = (path: string, message: string) => {
      const name = fieldOf(path);
      // An error of a field that the form has not would stay for ever.
      if (name in form.getValues()) form.setError(name as Path<Values>, { message });
    };
    for (const { field, description } of violations) tell(field, description);
    if (reason === "RESOURCE_EXISTS" && metadata.field) tell(metadata.field, m.ui_is_taken());
  }, [change.error, form.setError, form.getValues]);
  // What was refused is not what stands there now; a conflict lasts until somebody has decided.
  const { error, reset } = change;
  const settled = error !== null && props.conflict === undefined ? reset : undefined;
  useEffect(
    () => settled && form.subscribe({ formState: { values: true }, callback: settled }),
    [settled, form.subscribe],
  );
  // Enter in a field sends a form too, whatever its button says.
  const submit = (values: Values) => {
    if (props.disabledReason === undefined) props.submit(values);
  };
  return (
    <form onSubmit={form.handleSubmit(submit)} noValidate>
      <Stack maw={640}>
        {props.children}
        {change.error ? <ErrorView error={change.error} /> : null}
        {props.conflict}
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
