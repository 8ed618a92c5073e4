use chrono::{DateTime, Utc};
use contract::samples::v1::ListSamplesRequest;
use diesel::{QueryDsl as _, QueryResult, debug_query, pg::Pg, query_builder::QueryFragment};
use proptest::prelude::*;

use super::*;

diesel::table! {
    sample (id) {
        id -> Uuid,
        name -> Text,
        created_at -> Timestamptz,
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Row {
    id: Uuid,
    name: String,
    created_at: DateTime<Utc>,
}

static LIST: Spec<Row> = Spec::new(
    ("sample.id", |row| row.id),
    &[
        Field::instant("created_at", "sample.created_at").sortable(|row| row.created_at.into()),
        Field::text("name", "sample.name").sortable(|row| row.name.as_str().into()),
        Field::text("location", "sample.location"),
        Field::state("status", "sample.status", "spectra.samples.v1.SampleStatus"),
        Field::uuid("run_id", "sample.run_id"),
        Field::integer("count", "sample.count"),
        Field::boolean("held", "sample.held"),
        Field::instant("recorded_at", "sample.recorded_at").sortable_by_transaction("sample.txid", |_| 700.into()),
    ],
);

const ORGANIZATION: Uuid = Uuid::from_u128(1);

fn sealer() -> Sealer {
    Sealer::new(&[7; 32])
}

fn page(request: &ListSamplesRequest) -> Result<Page<Row>> {
    LIST.page(&sealer(), ORGANIZATION, request)
}

fn filtered(filter: &str) -> ListSamplesRequest {
    ListSamplesRequest { filter: filter.to_owned(), ..Default::default() }
}

/// The query without its columns, and its binds.
fn sql(request: &ListSamplesRequest) -> (String, String) {
    let page = page(request).unwrap();
    let query = sample::table.filter(page.condition()).order_by(page.order_and_limit()).select(sample::id);
    let text = debug_query::<Pg, _>(&query).to_string();
    let boxed = sample::table.filter(page.condition()).order_by(page.order_and_limit()).select(sample::id).into_boxed();
    assert_eq!(debug_query::<Pg, _>(&boxed).to_string(), text);
    let (text, binds) = text.split_once(" -- binds: ").unwrap();
    (text.split_once(" WHERE ").unwrap().1.to_owned(), binds.to_owned())
}

/// The filter as SQL, and its binds.
fn condition(filter: &str) -> (String, String) {
    let (text, binds) = sql(&filtered(filter));
    (text.split_once(" ORDER BY ").unwrap().0.to_owned(), binds)
}

fn is_cached(request: &ListSamplesRequest) -> bool {
    let page = page(request).unwrap();
    let query = sample::table.filter(page.condition()).order_by(page.order_and_limit());
    let cached: QueryResult<bool> = QueryFragment::<Pg>::is_safe_to_cache_prepared(&query, &Pg);
    cached.unwrap()
}

fn refusal(request: &ListSamplesRequest) -> (Reason, String) {
    let error = page(request).err().unwrap_or_else(|| panic!("{request:?} is taken"));
    (error.reason(), error.to_string().split_once(": ").unwrap().1.to_owned())
}

fn row(number: u32) -> Row {
    Row {
        id: Uuid::from_u128(number.into()),
        name: format!("sample {number}"),
        created_at: DateTime::from_timestamp_micros(1_700_000_000_000_000 + i64::from(number)).unwrap(),
    }
}

fn rows(count: u32) -> Vec<Row> {
    (0..count).map(row).collect()
}

#[test]
fn the_first_page_is_the_plain_query() {
    assert_eq!(
        sql(&ListSamplesRequest::default()),
        ("TRUE ORDER BY sample.created_at, sample.id LIMIT 51".to_owned(), "[]".to_owned())
    );
}

#[test]
fn a_log_is_filtered_by_its_instants_and_ordered_by_its_transactions() {
    let filter = "recorded_at > 2026-01-31T12:00:00Z".to_owned();
    let mut request = ListSamplesRequest { filter, order_by: "recorded_at desc".to_owned(), ..Default::default() };
    request.page_token = page(&request).unwrap().finish(rows(51)).1;
    let (text, binds) = sql(&request);
    assert_eq!(
        text,
        "((sample.recorded_at > $1) AND (sample.txid, sample.id) < ($2::text::xid8, $3)) \
         ORDER BY sample.txid DESC, sample.id DESC LIMIT 51"
    );
    assert!(binds.contains("700"), "{binds}");
}

#[test]
fn a_later_page_is_one_row_comparison() {
    let mut request =
        ListSamplesRequest { order_by: "name desc".to_owned(), page_size: 2, skip: 5, ..Default::default() };
    assert_eq!(
        sql(&request),
        ("TRUE ORDER BY sample.name DESC, sample.id DESC LIMIT 3 OFFSET $1".to_owned(), "[5]".to_owned())
    );
    let (kept, token) = page(&request).unwrap().finish(rows(3));
    assert_eq!(kept, rows(2));
    request.page_token = token;
    assert_eq!(
        sql(&request),
        (
            "(sample.name, sample.id) < ($1, $2) ORDER BY sample.name DESC, sample.id DESC LIMIT 3".to_owned(),
            r#"["sample 1", 00000000-0000-0000-0000-000000000001]"#.to_owned()
        )
    );
    request.filter = "name:x status=LOST".to_owned();
    request.page_token.clear();
    request.page_token = page(&request).unwrap().finish(rows(3)).1;
    assert_eq!(
        sql(&request).0,
        "(((strpos(lower(sample.name), lower($1)) > 0) AND (sample.status = $2)) AND \
         (sample.name, sample.id) < ($3, $4)) ORDER BY sample.name DESC, sample.id DESC LIMIT 3"
    );
}

#[test]
fn the_last_page_has_no_token() {
    let request = ListSamplesRequest { page_size: 2, ..Default::default() };
    for count in 0..=2 {
        assert_eq!(page(&request).unwrap().finish(rows(count)), (rows(count), String::new()));
    }
    assert!(!page(&request).unwrap().finish(rows(3)).1.is_empty());
}

#[test]
fn page_sizes_have_a_default_and_a_limit() {
    for (wanted, limit) in [(0, 51), (1, 2), (1000, 1001), (1001, 1001), (i32::MAX, 1001)] {
        let request = ListSamplesRequest { page_size: wanted, ..Default::default() };
        assert!(sql(&request).0.ends_with(&format!(" LIMIT {limit}")), "{wanted}");
    }
    let refused = refusal(&ListSamplesRequest { page_size: -1, ..Default::default() });
    assert_eq!(refused, (Reason::FieldInvalid, "page_size: must not be negative".to_owned()));
    let refused = refusal(&ListSamplesRequest { skip: -1, ..Default::default() });
    assert_eq!(refused, (Reason::FieldInvalid, "skip: must not be negative".to_owned()));
}

#[test]
fn order_by_names_one_sortable_field() {
    let ordered = |order_by: &str| ListSamplesRequest { order_by: order_by.to_owned(), ..Default::default() };
    for (order_by, expected) in [
        ("", "sample.created_at, sample.id"),
        ("  ", "sample.created_at, sample.id"),
        (" name ", "sample.name, sample.id"),
        ("created_at  desc", "sample.created_at DESC, sample.id DESC"),
    ] {
        assert!(sql(&ordered(order_by)).0.contains(&format!(" ORDER BY {expected} LIMIT ")), "{order_by:?}");
    }
    let rule = "order_by: wants one of created_at, name, recorded_at, optionally followed by ` desc`";
    for order_by in ["location", "nothing", "desc", "name asc", "name DESC", "name desc desc", "name, id", "name;"] {
        assert_eq!(refusal(&ordered(order_by)), (Reason::FilterInvalid, rule.to_owned()), "{order_by:?}");
    }
}

#[test]
fn a_token_is_for_one_list_only() {
    let request = filtered("name:x");
    let token = page(&request).unwrap().finish(rows(51)).1;
    let with = |request: ListSamplesRequest| ListSamplesRequest { page_token: token.clone(), ..request };

    assert!(page(&with(request.clone())).is_ok());
    assert!(page(&with(ListSamplesRequest { page_size: 7, skip: 3, ..request.clone() })).is_ok());
    for other in [
        filtered("name:y"),
        filtered(""),
        ListSamplesRequest { order_by: "name".to_owned(), ..request.clone() },
        ListSamplesRequest { order_by: "created_at desc".to_owned(), ..request.clone() },
    ] {
        assert_eq!(refusal(&with(other)).0, Reason::PageTokenInvalid);
    }
    let same = with(request.clone());
    assert!(LIST.page(&sealer(), Uuid::from_u128(2), &same).is_err());
    assert!(LIST.page(&Sealer::new(&[8; 32]), ORGANIZATION, &same).is_err());
    let instruments = contract::calibration::v1::ListInstrumentsRequest {
        filter: "name:x".to_owned(),
        page_token: token.clone(),
        ..Default::default()
    };
    assert!(LIST.page(&sealer(), ORGANIZATION, &instruments).is_err());
}

#[test]
fn a_token_with_any_byte_changed_is_refused() {
    let mut request = ListSamplesRequest::default();
    let token = page(&request).unwrap().finish(rows(51)).1;
    assert!(token.len() < 100, "{token}");
    for index in 0..token.len() {
        for other in *b"AQgw019_-z=+ " {
            let mut bytes = token.clone().into_bytes();
            if std::mem::replace(&mut bytes[index], other) == other {
                continue;
            }
            request.page_token = String::from_utf8(bytes).unwrap();
            assert_eq!(refusal(&request).0, Reason::PageTokenInvalid, "{index}");
        }
        request.page_token = token[..index].to_owned();
        assert_eq!(page(&request).is_ok(), index == 0, "cut at {index}");
    }
    for other in [format!("{token}A"), format!("{token}="), "AQ".to_owned(), "\0".to_owned(), "ü".to_owned()] {
        request.page_token = other;
        assert_eq!(refusal(&request).0, Reason::PageTokenInvalid);
    }
}

#[test]
fn comparisons_become_sql_with_binds() {
    for (filter, expected, binds) in [
        (r#"name = "a' OR 1=1 --""#, "(sample.name = $1)", r#"["a' OR 1=1 --"]"#),
        (r#"name="a \"b\" \\ \'c\'""#, "(sample.name = $1)", r#"["a \"b\" \\ 'c'"]"#),
        ("name = 'it says \"x\"'", "(sample.name = $1)", r#"["it says \"x\""]"#),
        ("name=SAM-0001", "(sample.name = $1)", r#"["SAM-0001"]"#),
        ("name >= m", "(sample.name >= $1)", r#"["m"]"#),
        ("name : Wafer", "(strpos(lower(sample.name), lower($1)) > 0)", r#"["Wafer"]"#),
        ("location:*", "(sample.location <> '')", "[]"),
        ("run_id:*", "(sample.run_id IS NOT NULL)", "[]"),
        (r#"name:"*""#, "(strpos(lower(sample.name), lower($1)) > 0)", r#"["*"]"#),
        ("location != A", "((sample.location = $1) IS NOT TRUE)", r#"["A"]"#),
        ("status = AVAILABLE", "(sample.status = $1)", r#"["available"]"#),
        ("status:in_use", "(sample.status = $1)", r#"["in_use"]"#),
        ("status = SAMPLE_STATUS_LOST", "(sample.status = $1)", r#"["lost"]"#),
        ("count > -5", "(sample.count > $1)", "[-5]"),
        ("held = true", "(sample.held = $1)", "[true]"),
        ("created_at<2026-01-02T03:04:05.678901+02:00", "(sample.created_at < $1)", "[2026-01-02T01:04:05.678901Z]"),
        (
            "run_id=0198c0de-0000-7000-8000-000000000001",
            "(sample.run_id = $1)",
            "[0198c0de-0000-7000-8000-000000000001]",
        ),
    ] {
        assert_eq!(condition(filter), (expected.to_owned(), binds.to_owned()), "{filter}");
    }
}

#[test]
fn or_binds_tighter_than_and() {
    let c = |number| format!("(sample.count = ${number})");
    let (c1, c2, c3, c4) = (c(1), c(2), c(3), c(4));
    for (filter, expected) in [
        ("count=1 AND count=2 OR count=3", format!("({c1} AND ({c2} OR {c3}))")),
        ("count=1 OR count=2 AND count=3", format!("(({c1} OR {c2}) AND {c3})")),
        ("count=1 count=2 OR count=3 count=4", format!("({c1} AND ({c2} OR {c3}) AND {c4})")),
        ("(count=1 AND count=2) OR count=3", format!("(({c1} AND {c2}) OR {c3})")),
        ("NOT count=1 AND -count=2", format!("(({c1} IS NOT TRUE) AND ({c2} IS NOT TRUE))")),
        ("NOT (count=1 OR count!=2)", format!("(({c1} OR ({c2} IS NOT TRUE)) IS NOT TRUE)")),
        ("-(count=1)", format!("({c1} IS NOT TRUE)")),
        ("((count=1))", c1.clone()),
        ("NOT(count=1)OR(count=2)", format!("(({c1} IS NOT TRUE) OR {c2})")),
    ] {
        assert_eq!(condition(filter).0, expected, "{filter}");
    }
}

#[test]
fn a_refused_filter_says_what_and_where() {
    for (filter, expected) in [
        (
            "color = red",
            "1: there is no field `color`; there are created_at, name, location, status, run_id, count, held, recorded_at",
        ),
        ("name = ", "8: a value is wanted here"),
        ("name = x AND", "13: a comparison is wanted here, not the end"),
        ("OR name = x", "1: a comparison is wanted here, not `OR`"),
        ("name = AND", "8: a value is wanted here; quote `AND` if it is one"),
        ("name = 'ü' @", "12: a comparison is wanted here, not `@`"),
        ("name", "1: `name` is not compared with anything"),
        ("name = x and held = true", "10: write AND in capitals"),
        ("name = x)", "9: this `)` closes nothing"),
        ("(name = x", "1: this `(` is never closed"),
        ("name = \"x", "8: this quote is never closed"),
        (r#"name = "\n""#, "9: a backslash stands before a quote or another"),
        ("name = \"a\0\"", "10: control characters are not allowed"),
        ("name = a\0", "9: a comparison is wanted here, not `\0`"),
        ("name = *", "8: `*` stands for any value only after `:`; quote it to mean the character"),
        ("status = melted", "10: `status` is compared with one of REGISTERED, AVAILABLE, "),
        ("status = UNSPECIFIED", "10: `status` is compared with one of REGISTERED, AVAILABLE, "),
        ("status < LOST", "10: `status` has no order: compare it by = or !="),
        ("run_id = 7", "10: `run_id` is compared with a UUID"),
        ("created_at > yesterday", "14: `created_at` is compared with an instant such as 2026-01-31T12:00:00Z"),
        ("count = 1.5", "9: `count` is compared with a whole number"),
        ("held = yes", "8: `held` is compared with true or false"),
        ("NOT NOT held = true", "5: a comparison is wanted here, not `NOT`"),
    ] {
        let (reason, message) = refusal(&filtered(filter));
        assert_eq!(reason, Reason::FilterInvalid, "{filter}");
        assert!(message.starts_with(&format!("filter: at character {expected}")), "{filter}: {message}");
    }
}

#[test]
fn filters_are_limited_in_depth_and_in_terms() {
    let nested = |depth: usize| filtered(&format!("{}count=1{}", "(".repeat(depth), ")".repeat(depth)));
    assert!(page(&nested(20)).is_ok());
    assert_eq!(refusal(&nested(21)).1, "filter: at character 21: more than 20 parentheses within each other");
    assert!(refusal(&nested(1_000_000)).1.contains("more than 20 parentheses"));
    assert!(page(&filtered(&"count=1 ".repeat(50))).is_ok());
    assert_eq!(refusal(&filtered(&"count=1 ".repeat(51))).1, "filter: at character 401: more than 50 comparisons");
}

#[test]
fn only_statements_that_clients_repeat_are_kept_prepared() {
    let ordered = |filter: &str| ListSamplesRequest { order_by: "name".to_owned(), ..filtered(filter) };
    let sized = |page_size| ListSamplesRequest { page_size, ..Default::default() };
    for request in [filtered(""), filtered("status=LOST"), ordered(""), sized(100), sized(5000)] {
        assert!(is_cached(&request), "{request:?}");
    }
    for request in [filtered("name:x"), filtered("held=true held=true"), ordered("status=LOST"), sized(7)] {
        assert!(!is_cached(&request), "{request:?}");
    }
}

proptest! {
    #[test]
    fn no_filter_panics(filter in ".{0,80}") {
        let _ = page(&filtered(&filter));
    }

    #[test]
    fn no_mixture_of_tokens_panics(
        tokens in proptest::collection::vec(
            prop::sample::select(vec![
                "AND", "OR", "NOT", "-", "(", ")", "=", "!=", ":", "<", "name", "status", "count", "held", "*", "\"",
                "'", "\\", "x", "ü", "7", "true", " ", " ", "created_at>2026-01-31T12:00:00Z", "name='it'", "count=1",
            ]),
            0..40,
        ),
        spaced: bool,
    ) {
        let request = filtered(&tokens.join(if spaced { " " } else { "" }));
        if let Ok(page) = page(&request) {
            // What is taken makes a statement with as many binds as it has places for them.
            let query = sample::table.filter(page.condition()).order_by(page.order_and_limit());
            let text = debug_query::<Pg, _>(&query).to_string();
            prop_assert!(!text.contains("$51"));
        }
    }

    #[test]
    fn a_quoted_text_is_bound_as_it_is(text in "[^\\p{Cc}]{0,40}") {
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
        let node = filter::parse(&format!("name = \"{quoted}\""), LIST.fields).unwrap();
        let value = text.as_str().into();
        let expected = filter::Test::Compare { column: "sample.name", operator: "=", value };
        prop_assert_eq!(node, Some(Node::Test(expected)));
    }
}
