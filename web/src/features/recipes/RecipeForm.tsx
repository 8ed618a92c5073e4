import type { JsonObject } from "@bufbuild/protobuf";
import { Alert, Group, NativeSelect, Stack, Textarea, TextInput } from "@mantine/core";
import { useState } from "react";
import type { Recipe } from "../../gen/spectra/runs/v1/recipe_pb";
import { m } from "../../gen/words/messages";
import { faultsOf, ParamsForm, paramsOf, type Texts, textsOf } from "../../refs/ParamsForm";
import { useMethods } from "../../refs/refs";
import { useCan } from "../../rpc/me";
import { Action, unless } from "../../ui/Action";
import { useBase } from "../../ui/Conflict";
import { ErrorView } from "../../ui/ErrorView";
import { Section } from "../../ui/Page";
import { leaving, useUnsaved } from "../../ui/unsaved";

export interface Content {
  name: string;
  method: string;
  params: JsonObject;
  limits: { param: string; low: number; high: number }[];
  comment: string;
}

/** A recipe as it is typed. */
interface Typed {
  name: string;
  code: string;
  texts: Texts;
  /** A line each, `vgs_stop: 0 to 2`. */
  limits: string;
  comment: string;
}

function typedOf(recipe: Recipe | undefined): Typed {
  return {
    name: recipe?.name ?? "",
    code: recipe?.method ?? "",
    texts: textsOf(recipe?.params),
    limits: recipe?.limits.map(({ param, low, high }) => `${param}: ${low} to ${high}`).join("\n") ?? "",
    comment: recipe?.comment ?? "",
  };
}

/** What a recipe says: the method, its parameters, and how far a run may depart from them. */
export function RecipeForm(props: {
  recipe?: Recipe;
  verb: string;
  change: { isPending: boolean; error: unknown; reset: () => void };
  /** The etag is that of what the form began with. */
  submit: (content: Content, etag: string) => void;
  cancel: () => void;
}) {
  const { recipe, change } = props;
  const may = useCan()("recipes.write");
  const methods = useMethods();
  const [typed, setTyped] = useState(() => typedOf(recipe));
  const { name, code, texts, limits, comment } = typed;
  const set = (change: Partial<Typed>) => setTyped({ ...typed, ...change });
  const { base, conflict } = useBase({
    stored: recipe,
    valuesOf: typedOf,
    fields: {
      name: m.ui_name(),
      texts: m.recipes_parameters(),
      limits: m.recipes_limits(),
      comment: m.ui_comment(),
    },
    typed: () => typed,
    fill: setTyped,
    change,
  });
  useUnsaved(JSON.stringify(typed) !== JSON.stringify(typedOf(base)));
  const [faults, setFaults] = useState<Texts>({});
  const [limitFault, setLimitFault] = useState<string>();
  const schema = methods.data?.find((method) => method.code === code)?.paramsSchema;
  const reason =
    unless(may, m.recipes_write_recipes()) ?? (name && schema ? undefined : m.recipes_a_name_and_a_method_are());
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (reason !== undefined) return;
        const found = faultsOf(schema, texts);
        const read = limitsOf(limits);
        setFaults(found);
        setLimitFault(typeof read === "string" ? read : undefined);
        if (Object.keys(found).length > 0 || typeof read === "string") return;
        props.submit(
          { name: name.trim(), method: code, params: paramsOf(schema, texts), limits: read, comment },
          base?.etag ?? "",
        );
      }}
    >
      <Stack maw={720}>
        <Group grow align="flex-start">
          <TextInput
            label={m.ui_name()}
            required
            value={name}
            onChange={(event) => set({ name: event.currentTarget.value })}
          />
          <NativeSelect
            label={m.recipes_method()}
            required
            value={code}
            disabled={recipe !== undefined}
            onChange={(event) => set({ code: event.currentTarget.value })}
          >
            <option value="">{m.ui_choose_one()}</option>
            {methods.data?.map((method) => (
              <option key={method.code} value={method.code}>
                {method.title}
              </option>
            ))}
          </NativeSelect>
        </Group>
        {schema && (
          <Section title={m.recipes_parameters()}>
            <ParamsForm schema={schema} texts={texts} change={(texts) => set({ texts })} faults={faults} />
          </Section>
        )}
        <Textarea
          label={m.recipes_limits()}
          description={m.recipes_how_far_a_run_may_depart()}
          autosize
          minRows={2}
          value={limits}
          error={limitFault}
          onChange={(event) => set({ limits: event.currentTarget.value })}
        />
        <Textarea
          label={m.ui_comment()}
          autosize
          minRows={2}
          value={comment}
          onChange={(event) => set({ comment: event.currentTarget.value })}
        />
        {recipe?.approvedVersion && (
          <Alert color="blue">
            {m.recipes_saving_makes_a_new_version({ version: recipe.approvedVersion.version })}
          </Alert>
        )}
        {change.error ? <ErrorView error={change.error} /> : null}
        {conflict}
        <Group>
          <Action type="submit" loading={change.isPending} disabledReason={reason}>
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

/** Lines `vgs_stop: 0 to 2`; what is wrong with them, where something is. */
export function limitsOf(lines: string): Content["limits"] | string {
  const limits: Content["limits"] = [];
  const misread: string[] = [];
  for (const line of lines
    .split("\n")
    .map((one) => one.trim())
    .filter(Boolean)) {
    const [, param = "", low = "", high = ""] = /^(\w+)\s*:\s*(\S+)\s+to\s+(\S+)$/.exec(line) ?? [];
    if (!param || Number.isNaN(Number(low)) || Number.isNaN(Number(high)))
      misread.push(m.recipes_limit_misread({ line }));
    limits.push({ param, low: Number(low), high: Number(high) });
  }
  return misread.length > 0 ? misread.join(" ") : limits;
}
