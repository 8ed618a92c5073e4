import { type Sample, SampleStatus } from "../../gen/spectra/samples/v1/sample_pb";
import { SamplesService } from "../../gen/spectra/samples/v1/samples_service_pb";
import { m } from "../../gen/words/messages";
import { permissionOf } from "../../rpc/me";
import { useChange } from "../../rpc/query";
import { rpc } from "../../rpc/transport";
import { quantityOf, quantityText } from "../../ui/quantity";
import { attributesOf, linesOf } from "./attributes";

export const key = ["samples"];

/** What is typed about a sample. */
export interface Values {
  name: string;
  materialType: string;
  lotCode: string;
  barcode: string;
  location: string;
  projectId: string;
  /** As it is written: `12.50 mg`. */
  quantity: string;
  /** A line each, `name: value`. */
  attributes: string;
}

export const NONE: Values = {
  name: "",
  materialType: "",
  lotCode: "",
  barcode: "",
  location: "",
  projectId: "",
  quantity: "",
  attributes: "",
};

export function valuesOf(sample: Sample): Values {
  const { name, materialType, lotCode, barcode, location, projectId } = sample;
  return {
    name,
    materialType,
    lotCode,
    barcode,
    location,
    projectId,
    quantity: quantityText(sample.quantity),
    attributes: linesOf(sample.attributes),
  };
}

export function messageOf({ attributes, quantity, ...values }: Values) {
  const amount = quantityOf(quantity);
  return { ...values, ...(amount ? { quantity: amount } : {}), attributes: attributesOf(attributes) };
}

export function useCreateSample(done: (sample: Sample) => void) {
  return useChange((values: Values, requestId) => rpc.samples.createSample({ sample: messageOf(values), requestId }), {
    touches: [key],
    done: ({ sample }) => sample && done(sample),
  });
}

const FIELDS = ["name", "material_type", "lot_code", "barcode", "location", "project_id", "quantity", "attributes"];

export function useUpdateSample(id: string, done: () => void) {
  return useChange(
    ({ values, etag }: { values: Values; etag: string }, requestId) =>
      rpc.samples.updateSample({
        sample: { id, etag, ...messageOf(values) },
        updateMask: { paths: FIELDS },
        requestId,
      }),
    { touches: [key, ["audit"]], done },
  );
}

export interface Transition {
  verb: string;
  /** What it means. */
  means: string;
  may: string;
  from: SampleStatus[];
  danger?: boolean;
  send: (request: { id: string; reason: string; etag: string; requestId: string }) => Promise<unknown>;
}

/** What can become of a sample, and who may do it. */
export const TRANSITIONS: Transition[] = [
  {
    verb: m.samples_quarantine(),
    means: m.samples_no_run_takes_it_until(),
    may: permissionOf(SamplesService.method.quarantineSample),
    from: [SampleStatus.AVAILABLE],
    send: (request) => rpc.samples.quarantineSample(request),
  },
  {
    verb: m.samples_release(),
    means: m.samples_it_is_available_for_runs_again(),
    may: permissionOf(SamplesService.method.releaseSample),
    from: [SampleStatus.QUARANTINED],
    send: (request) => rpc.samples.releaseSample(request),
  },
  {
    verb: m.samples_dispose(),
    means: m.samples_it_is_gone_for_good(),
    may: permissionOf(SamplesService.method.disposeSample),
    from: [SampleStatus.AVAILABLE, SampleStatus.QUARANTINED],
    danger: true,
    send: (request) => rpc.samples.disposeSample(request),
  },
  {
    verb: m.samples_delete(),
    means: m.samples_it_leaves_the_lists(),
    may: permissionOf(SamplesService.method.deleteSample),
    from: [SampleStatus.REGISTERED, SampleStatus.AVAILABLE, SampleStatus.QUARANTINED],
    danger: true,
    send: (request) => rpc.samples.deleteSample(request),
  },
];
