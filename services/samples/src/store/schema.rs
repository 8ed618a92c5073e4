//! The tables as the migrations make them; a test compares the two.

diesel::table! {
    samples.sample (org_id, id) {
        org_id -> Uuid,
        id -> Uuid,
        name -> Text,
        material_type -> Text,
        lot_code -> Text,
        barcode -> Nullable<Text>,
        location -> Text,
        quantity_value -> Nullable<Numeric>,
        quantity_unit -> Nullable<Text>,
        quantity_uncertainty -> Nullable<Numeric>,
        quantity_coverage -> Nullable<Numeric>,
        attributes -> Jsonb,
        status -> Text,
        run_id -> Nullable<Uuid>,
        created_by -> Uuid,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        revision -> Int8,
        project_id -> Nullable<Uuid>,
        status_reason -> Text,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    samples.project (org_id, id) {
        org_id -> Uuid,
        id -> Uuid,
        code -> Text,
        name -> Text,
        description -> Text,
        member_ids -> Array<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        created_by -> Uuid,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        revision -> Int8,
    }
}
