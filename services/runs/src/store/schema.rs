//! The tables as the migrations make them; a test compares the two.

diesel::table! {
    runs.run (org_id, id) {
        org_id -> Uuid,
        id -> Uuid,
        sample_id -> Uuid,
        instrument_id -> Uuid,
        method -> Text,
        params -> Jsonb,
        comment -> Text,
        purpose -> Text,
        state -> Text,
        disposition -> Text,
        state_reason -> Text,
        created_by -> Uuid,
        operator_id -> Nullable<Uuid>,
        valid_from -> Nullable<Timestamptz>,
        expires_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        started_at -> Nullable<Timestamptz>,
        finished_at -> Nullable<Timestamptz>,
        updated_at -> Timestamptz,
        revision -> Int8,
        recipe_version_id -> Nullable<Uuid>,
        recipe_sha256 -> Nullable<Text>,
    }
}

diesel::table! {
    runs.run_equipment (org_id, run_id, instrument_id) {
        org_id -> Uuid,
        run_id -> Uuid,
        instrument_id -> Uuid,
        position -> Int4,
        active -> Bool,
    }
}

diesel::table! {
    runs.run_grant (org_id, run_id, instrument_id) {
        org_id -> Uuid,
        run_id -> Uuid,
        instrument_id -> Uuid,
        grant_id -> Uuid,
        kind -> Text,
        calibration_id -> Nullable<Uuid>,
        authorized_at -> Timestamptz,
        lapses_at -> Timestamptz,
        valid_from -> Nullable<Timestamptz>,
        expires_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    runs.data_chunk (org_id, run_id, stream, seq) {
        org_id -> Uuid,
        run_id -> Uuid,
        stream -> Text,
        seq -> Int4,
        names -> Array<Text>,
        units -> Array<Text>,
        points -> Int4,
        content -> Bytea,
        sha256 -> Bytea,
        stream_points -> Int8,
        stream_sha256 -> Bytea,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    runs.revocation (org_id, calibration_id) {
        org_id -> Uuid,
        calibration_id -> Uuid,
        revoked_at -> Timestamptz,
    }
}

diesel::table! {
    runs.event_cursor (org_id) {
        org_id -> Uuid,
        txid -> Int8,
    }
}

diesel::table! {
    runs.sample_claim (org_id, run_id) {
        org_id -> Uuid,
        run_id -> Uuid,
        sample_id -> Uuid,
        claimed_at -> Timestamptz,
    }
}

diesel::table! {
    runs.policy (org_id) {
        org_id -> Uuid,
        require_approved_recipe -> Bool,
        four_eyes -> Bool,
        revision -> Int8,
    }
}

diesel::table! {
    runs.recipe (org_id, id) {
        org_id -> Uuid,
        id -> Uuid,
        name -> Text,
        latest_version -> Int4,
        created_by -> Uuid,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        revision -> Int8,
    }
}

diesel::table! {
    runs.recipe_version (org_id, id) {
        org_id -> Uuid,
        id -> Uuid,
        recipe_id -> Uuid,
        version -> Int4,
        content -> Bytea,
        content_sha256 -> Text,
        method -> Text,
        comment -> Text,
        state -> Text,
        author_id -> Uuid,
        submitted_by -> Nullable<Uuid>,
        submitted_at -> Nullable<Timestamptz>,
        reviewed_by -> Nullable<Uuid>,
        reviewed_at -> Nullable<Timestamptz>,
        review_comment -> Text,
        closed_by -> Nullable<Uuid>,
        closed_at -> Nullable<Timestamptz>,
        closed_comment -> Text,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        author_ids -> Array<Uuid>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(run, sample_claim);
diesel::allow_tables_to_appear_in_same_query!(recipe, recipe_version);
diesel::allow_tables_to_appear_in_same_query!(run_grant, revocation);
