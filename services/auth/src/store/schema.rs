//! The tables as the migrations make them; a test compares the two.

diesel::table! {
    auth.organization (id) {
        id -> Uuid,
        slug -> Text,
        name -> Text,
        time_zone -> Text,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        revision -> Int8,
    }
}

diesel::table! {
    auth.signing_key (kid) {
        kid -> Text,
        typ -> Text,
        algorithm -> Text,
        private_sealed -> Bytea,
        created_at -> Timestamptz,
        active_at -> Timestamptz,
    }
}

diesel::table! {
    auth.revocation (session_id) {
        session_id -> Uuid,
        revoked_at -> Timestamptz,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    auth.user (org_id, id) {
        org_id -> Uuid,
        id -> Uuid,
        email -> Text,
        display_name -> Text,
        role -> Text,
        password_hash -> Nullable<Text>,
        disabled_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        revision -> Int8,
    }
}

diesel::table! {
    auth.login_directory (email) {
        email -> Text,
        org_id -> Uuid,
        user_id -> Uuid,
    }
}

diesel::table! {
    auth.session (org_id, id) {
        org_id -> Uuid,
        id -> Uuid,
        user_id -> Uuid,
        created_at -> Timestamptz,
        last_used_at -> Timestamptz,
        expires_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
        end_reason -> Nullable<Text>,
        address -> Nullable<Text>,
        user_agent -> Nullable<Text>,
    }
}

diesel::table! {
    auth.refresh_token (org_id, id) {
        org_id -> Uuid,
        id -> Uuid,
        session_id -> Uuid,
        parent_id -> Nullable<Uuid>,
        token_sha256 -> Bytea,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        consumed_at -> Nullable<Timestamptz>,
        replaced_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    auth.login_attempt (subject) {
        subject -> Bytea,
        arrives_at -> Timestamptz,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::event::Xid8;

    events.event (org_id, txid, seq) {
        org_id -> Uuid,
        txid -> Xid8,
        seq -> Int8,
        id -> Uuid,
        service -> Text,
        resource -> Text,
        resource_id -> Text,
        action -> Text,
        actor -> Text,
        on_behalf_of -> Nullable<Text>,
        reason -> Text,
        request_id -> Text,
        body -> Bytea,
        recorded_at -> Timestamptz,
    }
}

diesel::allow_tables_to_appear_in_same_query!(user, session, refresh_token);
