import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { MantineProvider } from "@mantine/core";
import { act } from "react";
import { createRoot } from "react-dom/client";
import { useForm } from "react-hook-form";
import { expect, test, vi } from "vitest";
import { BadRequestSchema } from "../gen/google/rpc/error_details_pb";
import { FormShell, fieldOf } from "./FormShell";

vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener() {}, removeEventListener() {} }));

test("what the contract names, in whatever depth, is a field of the form", () => {
  expect(
    [
      "sample.lot_code",
      "sample.quantity.unit",
      "instrument.capabilities[0].unit",
      "calibration.standards_used[0]",
      "capabilities[1]",
      "new_password",
    ].map(fieldOf),
  ).toEqual(["lotCode", "quantity", "capabilities", "standardsUsed", "capabilities", "newPassword"]);
});

function refusal(...fields: string[]): ConnectError {
  const fieldViolations = fields.map((field) => ({ field, description: `${field} is wrong` }));
  return new ConnectError("no", Code.InvalidArgument, undefined, [
    { desc: BadRequestSchema, value: create(BadRequestSchema, { fieldViolations }) },
  ]);
}

test("what was refused stands at its field, and keeps nobody from sending again", async () => {
  const box = document.createElement("div");
  const root = createRoot(box);
  const [submit, reset] = [vi.fn(), vi.fn()];
  const told: (string | undefined)[] = [];
  function Form({ error }: { error: unknown }) {
    const form = useForm({ defaultValues: { quantity: "12 mg" } });
    told.push(form.formState.errors.quantity?.message);
    return (
      <MantineProvider>
        <FormShell
          form={form}
          submit={submit}
          change={{ isPending: false, error, reset }}
          verb="Send"
          cancel={() => {}}
        >
          <input {...form.register("quantity")} />
        </FormShell>
      </MantineProvider>
    );
  }
  await act(async () => root.render(<Form error={refusal("sample.quantity.unit", "sample.elsewhere[0]")} />));
  expect(told.at(-1)).toBe("sample.quantity.unit is wrong");
  await act(async () => box.querySelector("form")?.requestSubmit());
  expect(submit).toHaveBeenCalledWith({ quantity: "12 mg" });
  expect(reset).not.toHaveBeenCalled();
  // What was refused goes with the first letter that makes it another.
  const input = box.querySelector("input") as HTMLInputElement;
  // By the browser's own setter: React notes what is set by the element's.
  Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value")?.set?.call(input, "13 mg");
  await act(async () => input.dispatchEvent(new Event("input", { bubbles: true })));
  expect(reset).toHaveBeenCalled();
  await act(async () => root.unmount());
});
