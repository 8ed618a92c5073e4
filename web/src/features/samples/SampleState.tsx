import type { Sample } from "../../gen/spectra/samples/v1/sample_pb";
import { sampleStateName, sampleTone } from "../../rpc/names";
import { State } from "../../ui/State";

/** What a sample is at the moment; of a deleted one, that it is deleted. */
export function SampleState({ sample }: { sample: Sample }) {
  return <State tone={sample.deletedAt ? "quiet" : sampleTone[sample.status]}>{sampleStateName(sample)}</State>;
}
