import type { ErrorReason } from "../gen/spectra/common/v1/error_reason_pb";
import { m } from "../gen/words/messages";
// What each reason of an error means for the person at the screen: what happened, and what helps.
export interface Words {
  title: string;
  advice: string;
}

/** Those of the contract, all of them, and those that the page itself gives. */
type Reason = Exclude<keyof typeof ErrorReason, "UNSPECIFIED"> | "UNREACHABLE" | "PAGE_FAULT";

const REASONS: Record<Reason, Words> = {
  UNREACHABLE: {
    title: m.ui_unreachable_title(),
    advice: m.ui_unreachable_advice(),
  },
  FIELD_INVALID: { title: m.ui_field_invalid_title(), advice: m.ui_field_invalid_advice() },
  FIELD_READ_ONLY: { title: m.ui_field_read_only_title(), advice: m.ui_field_read_only_advice() },
  FILTER_INVALID: { title: m.ui_filter_invalid_title(), advice: m.ui_filter_invalid_advice() },
  PAGE_TOKEN_INVALID: { title: m.ui_page_token_invalid_title(), advice: m.ui_page_token_invalid_advice() },
  REQUEST_ID_REUSED: {
    title: m.ui_request_id_reused_title(),
    advice: m.ui_request_id_reused_advice(),
  },
  PARAMS_INVALID: {
    title: m.ui_params_invalid_title(),
    advice: m.ui_params_invalid_advice(),
  },
  PASSWORD_WEAK: {
    title: m.ui_password_weak_title(),
    advice: m.ui_password_weak_advice(),
  },
  RESUME_TOKEN_INVALID: { title: m.ui_resume_token_title(), advice: m.ui_resume_token_advice() },
  RESUME_TOKEN_EXPIRED: { title: m.ui_resume_token_title(), advice: m.ui_resume_token_advice() },
  METHOD_UNKNOWN: { title: m.ui_method_unknown_title(), advice: m.ui_method_unknown_advice() },
  MFA_REQUIRED: { title: m.ui_mfa_required_title(), advice: m.ui_mfa_required_advice() },
  TOKEN_AUDIENCE: { title: m.ui_token_audience_title(), advice: m.ui_token_audience_advice() },
  TOKEN_REUSED: { title: m.ui_token_reused_title(), advice: m.ui_token_reused_advice() },
  TOKEN_MISSING: { title: m.ui_token_missing_title(), advice: m.ui_token_missing_advice() },
  TOKEN_EXPIRED: { title: m.ui_token_expired_title(), advice: m.ui_token_expired_advice() },
  TOKEN_INVALID: { title: m.ui_token_invalid_title(), advice: m.ui_token_invalid_advice() },
  TOKEN_REVOKED: {
    title: m.ui_token_revoked_title(),
    advice: m.ui_token_revoked_advice(),
  },
  CREDENTIALS_INVALID: {
    title: m.ui_credentials_invalid_title(),
    advice: m.ui_credentials_invalid_advice(),
  },
  PERMISSION_DENIED: {
    title: m.ui_permission_denied_title(),
    advice: m.ui_permission_denied_advice(),
  },
  RESOURCE_NOT_FOUND: {
    title: m.ui_resource_not_found_title(),
    advice: m.ui_resource_not_found_advice(),
  },
  RESOURCE_EXISTS: { title: m.ui_resource_exists_title(), advice: m.ui_resource_exists_advice() },
  ETAG_MISMATCH: {
    title: m.ui_etag_mismatch_title(),
    advice: m.ui_etag_mismatch_advice(),
  },
  CALIBRATION_EXPIRED: {
    title: m.ui_calibration_expired_title(),
    advice: m.ui_calibration_expired_advice(),
  },
  CALIBRATION_MISSING: {
    title: m.ui_calibration_missing_title(),
    advice: m.ui_calibration_missing_advice(),
  },
  CALIBRATION_NOT_YET_VALID: {
    title: m.ui_calibration_not_yet_valid_title(),
    advice: m.ui_calibration_not_yet_valid_advice(),
  },
  CALIBRATION_REVOKED: { title: m.ui_calibration_revoked_title(), advice: m.ui_calibration_revoked_advice() },
  CALIBRATION_OUT_OF_TOLERANCE: {
    title: m.ui_calibration_out_of_tolerance_title(),
    advice: m.ui_calibration_out_of_tolerance_advice(),
  },
  CALIBRATION_SCOPE: {
    title: m.ui_calibration_scope_title(),
    advice: m.ui_calibration_scope_advice(),
  },
  INSTRUMENT_OUT_OF_SERVICE: {
    title: m.ui_instrument_out_of_service_title(),
    advice: m.ui_instrument_out_of_service_advice(),
  },
  RECIPE_NOT_APPROVED: {
    title: m.ui_recipe_not_approved_title(),
    advice: m.ui_recipe_not_approved_advice(),
  },
  SAMPLE_UNAVAILABLE: { title: m.ui_sample_unavailable_title(), advice: m.ui_sample_unavailable_advice() },
  INSTRUMENT_BUSY: { title: m.ui_instrument_busy_title(), advice: m.ui_instrument_busy_advice() },
  STATE_CONFLICT: { title: m.ui_state_conflict_title(), advice: m.ui_state_conflict_advice() },
  GRANT_LAPSED: { title: m.ui_grant_lapsed_title(), advice: m.ui_grant_lapsed_advice() },
  FOUR_EYES_REQUIRED: { title: m.ui_four_eyes_required_title(), advice: m.ui_four_eyes_required_advice() },
  THROTTLED: { title: m.ui_throttled_title(), advice: m.ui_throttled_advice() },
  QUOTA: { title: m.ui_quota_title(), advice: m.ui_quota_advice() },
  DATABASE_UNAVAILABLE: {
    title: m.ui_database_unavailable_title(),
    advice: m.ui_database_unavailable_advice(),
  },
  AUTH_UNREACHABLE: {
    title: m.ui_auth_unreachable_title(),
    advice: m.ui_auth_unreachable_advice(),
  },
  SAMPLES_UNREACHABLE: {
    title: m.ui_samples_unreachable_title(),
    advice: m.ui_samples_unreachable_advice(),
  },
  CALIBRATION_UNREACHABLE: {
    title: m.ui_calibration_unreachable_title(),
    advice: m.ui_calibration_unreachable_advice(),
  },
  RUNS_UNREACHABLE: {
    title: m.ui_runs_unreachable_title(),
    advice: m.ui_runs_unreachable_advice(),
  },
  DRAINING: { title: m.ui_draining_title(), advice: m.ui_draining_advice() },
  OVERLOADED: { title: m.ui_overloaded_title(), advice: m.ui_overloaded_advice() },
  DEADLINE_EXCEEDED: { title: m.ui_deadline_exceeded_title(), advice: m.ui_deadline_exceeded_advice() },
  PAGE_FAULT: {
    title: m.ui_page_fault_title(),
    advice: m.ui_page_fault_advice(),
  },
  INTERNAL: { title: m.ui_internal_title(), advice: m.ui_internal_advice() },
};

export function wordsOf(reason: string): Words {
  return (
    (REASONS as Record<string, Words>)[reason] ?? {
      title: m.ui_unknown_reason_title(),
      advice: m.ui_unknown_reason_advice(),
    }
  );
}
