//! The tables as the migrations make them; a test compares the two.

diesel::table! {
    calibration.policy (org_id) {
        org_id -> Uuid,
        due_soon_days -> Int4,
        certificate_review -> Bool,
        revision -> Int8,
    }
}

diesel::table! {
    calibration.instrument (org_id, id) {
        org_id -> Uuid,
        id -> Uuid,
        asset_code -> Text,
        manufacturer -> Text,
        model -> Text,
        serial_number -> Text,
        firmware -> Text,
        location -> Text,
        methods -> Array<Text>,
        calibration_interval_days -> Int4,
        service_state -> Text,
        service_reason -> Text,
        service_changed_at -> Timestamptz,
        created_by -> Uuid,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        revision -> Int8,
    }
}

diesel::table! {
    calibration.capability (org_id, instrument_id, quantity) {
        org_id -> Uuid,
        instrument_id -> Uuid,
        quantity -> Text,
        position -> Int4,
        range_low -> Numeric,
        range_high -> Numeric,
        unit -> Text,
        maximum_permissible_error -> Nullable<Numeric>,
        resolution -> Nullable<Numeric>,
    }
}

diesel::table! {
    calibration.calibration (org_id, id) {
        org_id -> Uuid,
        id -> Uuid,
        instrument_id -> Uuid,
        certificate_id -> Text,
        provider -> Text,
        accreditation -> Text,
        issued_at -> Timestamptz,
        valid_from -> Timestamptz,
        expires_at -> Timestamptz,
        scope -> Array<Text>,
        as_found -> Text,
        adjusted -> Bool,
        as_left -> Text,
        standards_used -> Array<Text>,
        document_sha256 -> Text,
        state -> Text,
        created_by -> Uuid,
        created_at -> Timestamptz,
        reviewed_by -> Nullable<Uuid>,
        review_comment -> Text,
        accepted_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
        revision -> Int8,
        covers -> Jsonb,
    }
}

diesel::table! {
    calibration.calibration_point (org_id, calibration_id, position) {
        org_id -> Uuid,
        calibration_id -> Uuid,
        position -> Int4,
        quantity -> Text,
        reference -> Nullable<Numeric>,
        indication -> Nullable<Numeric>,
        error -> Nullable<Numeric>,
        expanded_uncertainty -> Nullable<Numeric>,
        coverage_factor -> Nullable<Numeric>,
        unit -> Text,
        as_left -> Bool,
    }
}

diesel::table! {
    calibration.document (org_id, calibration_id) {
        org_id -> Uuid,
        calibration_id -> Uuid,
        file_name -> Text,
        media_type -> Text,
        content -> Bytea,
        size_bytes -> Int4,
        sha256 -> Bytea,
        created_by -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    calibration.use_grant (org_id, id) {
        org_id -> Uuid,
        id -> Uuid,
        run_id -> Uuid,
        attempt_id -> Uuid,
        instrument_id -> Uuid,
        kind -> Text,
        calibration_id -> Nullable<Uuid>,
        valid_from -> Nullable<Timestamptz>,
        expires_at -> Nullable<Timestamptz>,
        authorized_at -> Timestamptz,
        lapses_at -> Timestamptz,
        created_at -> Timestamptz,
    }
}

diesel::allow_tables_to_appear_in_same_query!(instrument, capability);
