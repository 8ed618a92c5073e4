import type { JsonObject } from "@bufbuild/protobuf";
import { Alert, Group, NativeSelect, Stack, Textarea, TextInput } from "@mantine/core";
import { useState } from "react";
import type { Recipe } from "../../gen/spectra/runs/v1/recipe_pb";
import { m } from "../../gen/words/messages";
import { faultsOf, ParamsForm, paramsOf, type Texts, textsOf } from "../../refs/ParamsForm";
import { useMethods } from "../../refs/refs";
import { Action } from "../../ui/Action";
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

/** What a recipe says: the method, its parameters, and how far a run may depart from them. */
export function RecipeForm(props: {
  recipe?: Recipe;
  verb: string;
  change: { isPending: boolean; error: unknown };
  submit: (content: Content) => void;
  cancel: () => void;
}) {
  const { recipe } = props;
  const methods = useMethods();
  const [name, setName] = useState(recipe?.name ?? "");
  const [code, setCode] = useState(recipe?.method ?? "");
  const [comment, setComment] = useState(recipe?.comment ?? "");
  const [texts, setTexts] = useState<Texts>(textsOf(recipe?.params));
  const [limits, setLimits] = useState(
    recipe?.limits.map(({ param, low, high }) => `${param}: ${low} to ${high}`).join("\n") ?? "",
  );
  const typed = JSON.stringify([name, code, comment, texts, limits]);
  const [first] = useState(typed);
  useUnsaved(typed !== first);
  const [faults, setFaults] = useState<Texts>({});
  const [limitFault, setLimitFault] = useState<string>();
  const schema = methods.data?.find((method) => method.code === code)?.paramsSchema;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        const found = faultsOf(schema, texts);
        const read = limitsOf(limits);
        setFaults(found);
        setLimitFault(typeof read === "string" ? read : undefined);
        if (Object.keys(found).length > 0 || typeof read === "string") return;
        props.submit({ name: name.trim(), method: code, params: paramsOf(schema, texts), limits: read, comment });
      }}
    >
      <Stack maw={720}>
        <Group grow align="flex-start">
          <TextInput
            label={m.ui_name()}
            required
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <NativeSelect
            label={m.recipes_method()}
            required
            value={code}
            disabled={recipe !== undefined}
            onChange={(event) => setCode(event.currentTarget.value)}
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
            <ParamsForm schema={schema} texts={texts} change={setTexts} faults={faults} />
          </Section>
        )}
        <Textarea
          label={m.recipes_limits()}
          description={m.recipes_how_far_a_run_may_depart()}
          autosize
          minRows={2}
          value={limits}
          error={limitFault}
          onChange={(event) => setLimits(event.currentTarget.value)}
        />
        <Textarea
          label={m.ui_comment()}
          autosize
          minRows={2}
          value={comment}
          onChange={(event) => setComment(event.currentTarget.value)}
        />
        {recipe?.approvedVersion && (
          <Alert color="blue">
            {m.recipes_saving_makes_a_new_version({ version: recipe.approvedVersion.version })}
          </Alert>
        )}
        {props.change.error ? <ErrorView error={props.change.error} /> : null}
        <Group>
          <Action
            type="submit"
            loading={props.change.isPending}
            disabledReason={name && code ? undefined : m.recipes_a_name_and_a_method_are()}
          >
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
