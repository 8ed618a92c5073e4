// The contract's enums as people read them.
import { Role } from "../gen/spectra/auth/v1/auth_pb";
import { CalibrationState, CalibrationStatus } from "../gen/spectra/calibration/v1/calibration_pb";
import { RecipeState } from "../gen/spectra/runs/v1/recipe_pb";
import { RunDisposition, RunPurpose, RunState } from "../gen/spectra/runs/v1/run_pb";
import { type Sample, SampleStatus } from "../gen/spectra/samples/v1/sample_pb";
import { m } from "../gen/words/messages";
import type { Tone } from "../ui/State";

const ROLE: Record<Role, string> = {
  [Role.UNSPECIFIED]: m.rpc_unspecified(),
  [Role.ADMIN]: m.rpc_role_admin(),
  [Role.PI]: m.rpc_role_pi(),
  [Role.ENGINEER]: m.rpc_role_engineer(),
  [Role.TECHNICIAN]: m.rpc_role_technician(),
  [Role.VIEWER]: m.rpc_role_viewer(),
};

const SAMPLE_STATUS: Record<SampleStatus, string> = {
  [SampleStatus.UNSPECIFIED]: m.rpc_unspecified(),
  [SampleStatus.REGISTERED]: m.rpc_sample_status_registered(),
  [SampleStatus.AVAILABLE]: m.rpc_sample_status_available(),
  [SampleStatus.IN_USE]: m.rpc_sample_status_in_use(),
  [SampleStatus.CONSUMED]: m.rpc_sample_status_consumed(),
  [SampleStatus.DISPOSED]: m.rpc_sample_status_disposed(),
  [SampleStatus.LOST]: m.rpc_sample_status_lost(),
  [SampleStatus.QUARANTINED]: m.rpc_sample_status_quarantined(),
};

const CALIBRATION_STATUS: Record<CalibrationStatus, string> = {
  [CalibrationStatus.UNSPECIFIED]: m.rpc_unspecified(),
  [CalibrationStatus.VALID]: m.rpc_calibration_status_valid(),
  [CalibrationStatus.DUE_SOON]: m.rpc_calibration_status_due_soon(),
  [CalibrationStatus.EXPIRED]: m.rpc_calibration_status_expired(),
  [CalibrationStatus.NOT_YET_VALID]: m.rpc_calibration_status_not_yet_valid(),
  [CalibrationStatus.MISSING]: m.rpc_calibration_status_missing(),
  [CalibrationStatus.REVOKED]: m.rpc_calibration_status_revoked(),
  [CalibrationStatus.OUT_OF_TOLERANCE]: m.rpc_calibration_status_out_of_tolerance(),
  [CalibrationStatus.OUT_OF_SERVICE]: m.rpc_calibration_status_out_of_service(),
};

const CALIBRATION_STATE: Record<CalibrationState, string> = {
  [CalibrationState.UNSPECIFIED]: m.rpc_unspecified(),
  [CalibrationState.DRAFT]: m.rpc_calibration_state_draft(),
  [CalibrationState.ACCEPTED]: m.rpc_calibration_state_accepted(),
  [CalibrationState.REJECTED]: m.rpc_calibration_state_rejected(),
  [CalibrationState.REVOKED]: m.rpc_calibration_state_revoked(),
};

const RUN_STATE: Record<RunState, string> = {
  [RunState.UNSPECIFIED]: m.rpc_unspecified(),
  [RunState.QUEUED]: m.rpc_run_state_queued(),
  [RunState.HELD]: m.rpc_run_state_held(),
  [RunState.RUNNING]: m.rpc_run_state_running(),
  [RunState.PAUSED]: m.rpc_run_state_paused(),
  [RunState.SUCCEEDED]: m.rpc_run_state_succeeded(),
  [RunState.FAILED]: m.rpc_run_state_failed(),
  [RunState.ABORTED]: m.rpc_run_state_aborted(),
  [RunState.CANCELLED]: m.rpc_run_state_cancelled(),
};

const RUN_PURPOSE: Record<RunPurpose, string> = {
  [RunPurpose.UNSPECIFIED]: m.rpc_unspecified(),
  [RunPurpose.ROUTINE]: m.rpc_run_purpose_routine(),
  [RunPurpose.INTERMEDIATE_CHECK]: m.rpc_run_purpose_intermediate_check(),
  [RunPurpose.CALIBRATION]: m.rpc_run_purpose_calibration(),
};

const RUN_DISPOSITION: Record<RunDisposition, string> = {
  [RunDisposition.UNSPECIFIED]: m.rpc_unspecified(),
  [RunDisposition.UNREVIEWED]: m.rpc_run_disposition_unreviewed(),
  [RunDisposition.VERIFIED]: m.rpc_run_disposition_verified(),
  [RunDisposition.SUSPECT]: m.rpc_run_disposition_suspect(),
  [RunDisposition.INVALIDATED]: m.rpc_run_disposition_invalidated(),
};

const RECIPE_STATE: Record<RecipeState, string> = {
  [RecipeState.UNSPECIFIED]: m.rpc_unspecified(),
  [RecipeState.DRAFT]: m.rpc_recipe_state_draft(),
  [RecipeState.IN_REVIEW]: m.rpc_recipe_state_in_review(),
  [RecipeState.APPROVED]: m.rpc_recipe_state_approved(),
  [RecipeState.SUPERSEDED]: m.rpc_recipe_state_superseded(),
  [RecipeState.RETIRED]: m.rpc_recipe_state_retired(),
};

// A newer server may have values that this page does not know.
export const roleName = (role: Role): string => ROLE[role] ?? m.rpc_unknown();
export const sampleStatusName = (status: SampleStatus): string => SAMPLE_STATUS[status] ?? m.rpc_unknown();
/** A deleted sample keeps the status that it had. */
export const sampleStateName = (sample: Sample): string =>
  sample.deletedAt ? m.rpc_deleted() : sampleStatusName(sample.status);
export const calibrationStatusName = (status: CalibrationStatus): string =>
  CALIBRATION_STATUS[status] ?? m.rpc_unknown();
export const calibrationStateName = (state: CalibrationState): string => CALIBRATION_STATE[state] ?? m.rpc_unknown();
export const runStateName = (state: RunState): string => RUN_STATE[state] ?? m.rpc_unknown();
export const runPurposeName = (purpose: RunPurpose): string => RUN_PURPOSE[purpose] ?? m.rpc_unknown();
export const runDispositionName = (disposition: RunDisposition): string =>
  RUN_DISPOSITION[disposition] ?? m.rpc_unknown();
export const recipeStateName = (state: RecipeState): string => RECIPE_STATE[state] ?? m.rpc_unknown();

export const sampleTone: Record<SampleStatus, Tone> = {
  [SampleStatus.UNSPECIFIED]: "quiet",
  [SampleStatus.REGISTERED]: "quiet",
  [SampleStatus.AVAILABLE]: "good",
  [SampleStatus.IN_USE]: "busy",
  [SampleStatus.CONSUMED]: "quiet",
  [SampleStatus.DISPOSED]: "quiet",
  [SampleStatus.LOST]: "bad",
  [SampleStatus.QUARANTINED]: "bad",
};

export const calibrationTone: Record<CalibrationStatus, Tone> = {
  [CalibrationStatus.UNSPECIFIED]: "quiet",
  [CalibrationStatus.VALID]: "good",
  [CalibrationStatus.DUE_SOON]: "soon",
  [CalibrationStatus.EXPIRED]: "bad",
  [CalibrationStatus.NOT_YET_VALID]: "soon",
  [CalibrationStatus.MISSING]: "bad",
  [CalibrationStatus.REVOKED]: "bad",
  [CalibrationStatus.OUT_OF_TOLERANCE]: "bad",
  [CalibrationStatus.OUT_OF_SERVICE]: "bad",
};

export const certificateTone: Record<CalibrationState, Tone> = {
  [CalibrationState.UNSPECIFIED]: "quiet",
  [CalibrationState.DRAFT]: "soon",
  [CalibrationState.ACCEPTED]: "good",
  [CalibrationState.REJECTED]: "quiet",
  [CalibrationState.REVOKED]: "bad",
};

export const runTone: Record<RunState, Tone> = {
  [RunState.UNSPECIFIED]: "quiet",
  [RunState.QUEUED]: "quiet",
  [RunState.HELD]: "soon",
  [RunState.RUNNING]: "busy",
  [RunState.PAUSED]: "soon",
  [RunState.SUCCEEDED]: "good",
  [RunState.FAILED]: "bad",
  [RunState.ABORTED]: "bad",
  [RunState.CANCELLED]: "quiet",
};

export const recipeTone: Record<RecipeState, Tone> = {
  [RecipeState.UNSPECIFIED]: "quiet",
  [RecipeState.DRAFT]: "quiet",
  [RecipeState.IN_REVIEW]: "soon",
  [RecipeState.APPROVED]: "good",
  [RecipeState.SUPERSEDED]: "quiet",
  [RecipeState.RETIRED]: "quiet",
};
