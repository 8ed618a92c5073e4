//! The database itself: every table is fenced by organization, ledgers are insert-only, and migrations go both ways.

use contract::{calibration::v1::CreateCalibrationRequest, samples::v1::GetSampleRequest};
use spectra::{
    doctor::database::{FENCED, UNFENCED},
    migrate,
};
use spectra_tests::{TestLab, certificate, database};

#[tokio::test(flavor = "multi_thread")]
async fn every_table_is_fenced_by_organization() {
    let owner = database().await.owner().await;
    let tables = owner.query(FENCED, &[]).await.unwrap();
    assert!(tables.len() > 15);
    let schemas = "SELECT nspname::text FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' \
                   AND nspname NOT IN ('information_schema', 'spectra') ORDER BY 1";
    let schemas: Vec<String> = owner.query(schemas, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert_eq!(schemas, ["auth", "calibration", "events", "public", "runs", "samples"], "looked at, each");
    for table in tables {
        let (name, fenced): (String, bool) = (table.get(0), table.get(1));
        assert_eq!(fenced, !UNFENCED.contains(&name.as_str()), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn service_roles_see_their_own_schema_only_and_nothing_without_an_organization() {
    let owner = database().await.owner().await;
    for service in ["auth", "samples", "calibration", "runs"] {
        let role = migrate::role(service);
        owner.batch_execute(&format!("RESET ROLE; SET ROLE {role}")).await.unwrap();
        for other in ["auth", "samples", "calibration", "runs"].into_iter().filter(|other| *other != service) {
            let peek = owner.batch_execute(&format!("SELECT count(*) FROM {other}.request")).await.unwrap_err();
            assert_eq!(peek.code().unwrap().code(), "42501", "{role} reads {other}");
        }
        let unbound = owner.batch_execute(&format!("SELECT count(*) FROM {service}.request")).await;
        assert!(unbound.is_err(), "{role} reads without an organization");
        for what in ["UPDATE events.event SET actor = 'x'", "DELETE FROM events.event", "TRUNCATE events.event"] {
            assert!(owner.batch_execute(what).await.is_err(), "{role}: {what}");
        }
    }
    // Grants do not bind the owner; the trigger does.
    owner.batch_execute("RESET ROLE").await.unwrap();
    for ledger in
        ["events.event", "calibration.use_grant", "runs.run_grant", "runs.data_chunk", "calibration.calibration_point"]
    {
        for what in [format!("DELETE FROM {ledger}"), format!("TRUNCATE {ledger} CASCADE")] {
            let refusal = owner.batch_execute(&what).await.unwrap_err();
            assert!(refusal.as_db_error().unwrap().message().contains("insert-only"), "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn migrations_go_down_to_nothing_and_up_again() {
    let database = database().await;
    let all = migrate::status(&database.url).await.unwrap();
    assert!(all.iter().all(|step| step.applied));
    let mut reverted = 0;
    while migrate::down(&database.url).await.unwrap().is_some() {
        reverted += 1;
    }
    assert_eq!(reverted, all.len());
    let left = database.owner().await;
    let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname IN \
                   ('auth', 'samples', 'calibration', 'runs', 'events', 'spectra')";
    assert_eq!(left.query_one(schemas, &[]).await.unwrap().get::<_, i64>(0), 0);
    assert_eq!(migrate::up(&database.url).await.unwrap().len(), all.len());
    migrate::check(&database.url).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_from_before_covers_were_noted_covers_what_its_instrument_can_do() {
    let lab = TestLab::start().await;
    let engineer = lab.person("engineer").await;
    let instrument = engineer.new_instrument().await;
    engineer.calibrate(&instrument, -1, 30).await;
    let mut narrow = certificate(&instrument.id, -2, 20);
    narrow.scope = vec!["dc_voltage".to_owned()];
    let request = CreateCalibrationRequest { calibration: Some(narrow), request_id: String::new() };
    engineer.calibrations().create_calibration(request).await.unwrap();
    let owner = lab.database.owner().await;
    let covers = async || {
        let noted = "SELECT covers::text FROM calibration.calibration WHERE instrument_id = $1::text::uuid ORDER BY id";
        let rows = owner.query(noted, &[&instrument.id]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect::<Vec<String>>()
    };
    let noted = covers().await;
    assert!(noted.len() == 2 && noted.iter().all(|noted| noted.contains("dc_voltage")) && noted[0] != noted[1]);
    while !migrate::down(&lab.database.url).await.unwrap().expect("a migration").contains("calibration_covers") {}
    migrate::up(&lab.database.url).await.unwrap();
    assert_eq!(covers().await, noted);
    let unfenced = "SELECT count(*) FROM pg_class WHERE relnamespace = 'calibration'::regnamespace \
                    AND relname IN ('calibration', 'capability', 'instrument') AND NOT relforcerowsecurity";
    assert_eq!(owner.query_one(unfenced, &[]).await.unwrap().get::<_, i64>(0), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tables_in_the_code_are_those_in_the_database() {
    let owner = database().await.owner().await;
    for (service, schema) in [
        ("auth", include_str!("../../../services/auth/src/store/schema.rs")),
        ("samples", include_str!("../../../services/samples/src/store/schema.rs")),
        ("calibration", include_str!("../../../services/calibration/src/store/schema.rs")),
        ("runs", include_str!("../../../services/runs/src/store/schema.rs")),
    ] {
        let declared = declared(schema);
        assert!(!declared.is_empty(), "{service}");
        for (table, columns) in declared {
            let rows = owner
                .query(
                    "SELECT attname::text, format_type(atttypid, NULL), NOT attnotnull FROM pg_attribute \
                     WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
                    &[&table],
                )
                .await
                .unwrap();
            let actual: Vec<_> = rows
                .iter()
                .map(|row| format!("{} -> {}", row.get::<_, String>(0), diesel_type(row.get(1), row.get(2))))
                .collect();
            assert_eq!(columns, actual, "{table}");
        }
    }
}

/// Tables of a schema.rs, with their columns as they are written there.
fn declared(schema: &str) -> Vec<(String, Vec<String>)> {
    let mut tables: Vec<(String, Vec<String>)> = Vec::new();
    for line in schema.lines().map(str::trim) {
        if let Some((name, _)) = line.split_once(" (").filter(|(name, _)| name.contains('.') && line.ends_with('{')) {
            tables.push((name.to_owned(), Vec::new()));
        } else if let (Some((column, of)), Some((_, columns))) = (line.split_once(" -> "), tables.last_mut()) {
            columns.push(format!("{column} -> {}", of.trim_end_matches(',')));
        }
    }
    tables
}

fn diesel_type(postgres: &str, nullable: bool) -> String {
    let of = match postgres {
        "uuid" => "Uuid",
        "text" => "Text",
        "text[]" => "Array<Text>",
        "uuid[]" => "Array<Uuid>",
        "bytea" => "Bytea",
        "boolean" => "Bool",
        "integer" => "Int4",
        "bigint" => "Int8",
        "numeric" => "Numeric",
        "jsonb" => "Jsonb",
        "xid8" => "Xid8",
        "timestamp with time zone" => "Timestamptz",
        other => panic!("no diesel type for {other} is known here"),
    };
    if nullable { format!("Nullable<{of}>") } else { of.to_owned() }
}

/// A release is rolled out schema first, beside programs that do not know it, and taken back without its schema; until a
/// migration takes away what those programs use.
#[tokio::test(flavor = "multi_thread")]
async fn a_program_works_on_a_newer_schema_that_has_what_it_uses_and_on_no_other() {
    let lab = TestLab::start().await;
    let (engineer, owner) = (lab.person("engineer").await, lab.database.owner().await);
    let before = engineer.new_sample().await;
    // What a newer program's migration does: it adds.
    owner
        .batch_execute(
            "BEGIN; ALTER TABLE samples.sample ADD COLUMN thickness_um double precision; \
             INSERT INTO public.__diesel_schema_migrations (version) VALUES ('20991231000001'); COMMIT",
        )
        .await
        .unwrap();
    // The program that runs goes on, and one like it starts anew.
    let after = engineer.new_sample().await;
    for sample in [before, after] {
        engineer.samples().get_sample(GetSampleRequest { id: sample.id }).await.unwrap();
    }
    migrate::check(&lab.database.url).await.unwrap();
    let steps = migrate::status(&lab.database.url).await.unwrap();
    assert!(steps.last().unwrap().name.contains("unknown to this program"));

    owner
        .batch_execute(
            "CREATE OR REPLACE FUNCTION spectra.oldest_schema() RETURNS text LANGUAGE sql IMMUTABLE \
             AS $$ SELECT '20991231000001' $$",
        )
        .await
        .unwrap();
    let refusal = migrate::check(&lab.database.url).await.unwrap_err();
    assert!(refusal.0.contains("use a newer program"), "{refusal}");
    owner.batch_execute("DROP FUNCTION spectra.oldest_schema()").await.unwrap();
    assert!(migrate::check(&lab.database.url).await.is_err(), "a database that does not say is not trusted");
}
