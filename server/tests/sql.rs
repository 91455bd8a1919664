//! SQL over Flight and HTTP: tables of the catalog, dialects, what is refused.
#![allow(clippy::unwrap_used)]

mod support;

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{Int64Type, Schema};
use arrow::util::pretty::pretty_format_batches;
use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::sql::{CommandGetDbSchemas, CommandGetTables};
use futures::TryStreamExt;
use std::sync::Arc;
use support::{Running, users};
use tonic::transport::Channel;

type Client = FlightSqlServiceClient<Channel>;

async fn ask(client: &mut Client, text: &str) -> Result<Vec<RecordBatch>, String> {
    let info = client.execute(text.to_string(), None).await.map_err(|e| e.to_string())?;
    let announced: Schema = info.clone().try_decode_schema().unwrap();
    let mut stream = client.do_get(info.endpoint[0].ticket.clone().unwrap()).await.map_err(|e| e.to_string())?;
    let mut batches = Vec::new();
    while let Some(batch) = stream.try_next().await.map_err(|e| e.to_string())? {
        assert_eq!(batch.schema().as_ref(), &announced, "DoGet sends the schema that was announced");
        batches.push(batch);
    }
    Ok(batches)
}

async fn table(client: &mut Client, text: &str) -> Vec<String> {
    let batches = ask(client, text).await.unwrap_or_else(|e| panic!("{text}: {e}"));
    let drawn = pretty_format_batches(&batches).unwrap().to_string();
    drawn
        .lines()
        .filter(|l| l.starts_with('|'))
        .map(|l| l.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>().join(","))
        .collect()
}

async fn prepared(server: &Running, client: &mut Client) {
    let definitions = [
        "DEFINE EVENT visit OF user (page STRING, seconds BIGINT)",
        "DEFINE SEGMENT reader OF user AS DID [visit WHERE seconds > 10]",
        "DEFINE TAG loyal OF user AS count(visit) >= 2",
    ];
    for text in definitions {
        client.execute_update(text.to_string(), None).await.unwrap();
    }
    let rows = r#"{"time":"2026-01-01T10:00:00Z","id":1,"page":"a","seconds":5}
{"time":"2026-01-02T23:30:00Z","id":1,"page":"b","seconds":20}
{"time":"2026-01-03T10:00:00Z","id":1,"page":"a","seconds":30}
"#;
    let (status, report) = server.post("/v1/files/visit?name=visits.ndjson", rows);
    assert_eq!((status, report["accepted"].as_u64()), (200, Some(3)), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nouns_are_tables() {
    let server = users(&[]).await;
    let mut client = server.flight().await;
    prepared(&server, &mut client).await;
    assert_eq!(
        table(&mut client, "SELECT page, COUNT(*) AS n, SUM(seconds) FROM visit GROUP BY page ORDER BY 1").await,
        ["page,n,SUM(seconds)", "a,2,35", "b,1,20"]
    );
    assert_eq!(
        table(&mut client, "SELECT count(*) AS n FROM eql.\"default\".visit v JOIN \"user\" u ON u.id = v.id WHERE v.seconds > 5").await,
        ["n", "2"]
    );
    assert_eq!(table(&mut client, "SELECT id FROM reader").await, ["id", "1"]);
    assert_eq!(table(&mut client, "SELECT * FROM loyal WHERE value").await, ["id,value", "1,true"]);
    assert_eq!(table(&mut client, "SELECT count(*) > 0 AS some FROM system.settings").await, ["some", "true"]);
    assert_eq!(
        table(&mut client, "WITH v AS (SELECT seconds s FROM visit) SELECT max(s) - min(s) AS spread FROM v").await,
        ["spread", "25"]
    );
}

/// What is constant below an outer join is not constant above it: NULLs come in, and an order by it is an order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_outer_joins_are_sorted_by_what_was_constant() {
    let server = users(&[]).await;
    let mut client = server.flight().await;
    let (three, one) = ("(VALUES (1), (2), (3)) AS a(x)", "(SELECT x, 1 AS one FROM (VALUES (2)) AS c(x)) AS b");
    for (text, wanted) in [
        (format!("SELECT a.x, b.one FROM {three} LEFT JOIN {one} ON a.x = b.x ORDER BY b.one, a.x DESC"), ["2,1", "3,", "1,"]),
        (format!("SELECT a.x, b.one FROM {one} RIGHT JOIN {three} ON a.x = b.x ORDER BY b.one, a.x DESC"), ["2,1", "3,", "1,"]),
        (format!("SELECT a.x, b.one FROM {three} FULL JOIN {one} ON a.x = b.x ORDER BY b.one NULLS FIRST, a.x"), ["1,", "3,", "2,1"]),
        (format!("SELECT a.x, b.one FROM {three} LEFT JOIN {one} ON a.x > b.x ORDER BY b.one, a.x DESC"), ["3,1", "2,", "1,"]),
    ] {
        assert_eq!(table(&mut client, &text).await[1..], wanted, "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_query_is_a_table_function() {
    let server = users(&[]).await;
    let mut client = server.flight().await;
    prepared(&server, &mut client).await;
    let text = "SELECT step, entities FROM eql('FUNNEL [visit WHERE page = ''a''] -> [visit WHERE page = ''b''] WITHIN 7 days DURING ALL TIME') WHERE entities > 0 ORDER BY step DESC";
    assert_eq!(table(&mut client, text).await, ["step,entities", "2,1", "1,1"]);
    let wrong = ask(&mut client, "SELECT * FROM eql('FUNEL a')").await.unwrap_err();
    assert!(wrong.contains("FUNEL"), "{wrong}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_dialect_decides() {
    let server = users(&[]).await;
    let mut client = server.flight().await;
    prepared(&server, &mut client).await;
    // Whole numbers divide into whole numbers in SQL, and into DOUBLE in the Entity Query Language.
    assert_eq!(table(&mut client, "SELECT 7 / 2 AS q").await, ["q", "3"]);
    assert_eq!(table(&mut client, "SELECT 7 / 2 AS q |> LIMIT 1").await, ["q", "3.5"], "a pipe is no SQL");
    assert_eq!(table(&mut client, "TREND count(visit) AS n DURING ALL TIME").await, ["n", "3"]);
    client.execute_update("SET dialect = 'eql'".to_string(), None).await.unwrap();
    assert_eq!(table(&mut client, "SELECT 7 / 2 AS q").await, ["q", "3.5"]);
    client.execute_update("SET dialect = 'sql'".to_string(), None).await.unwrap();
    let wrong = ask(&mut client, "FUNNEL a -> b").await.unwrap_err();
    assert!(wrong.contains("EQL0501") && wrong.contains("SET dialect"), "{wrong}");
    client.execute_update("SET dialect = 'auto'".to_string(), None).await.unwrap();
    assert_eq!(table(&mut client, "SELECT 7 / 2 AS q").await, ["q", "3"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sql_only_reads() {
    let server = users(&[]).await;
    let mut client = server.flight().await;
    client.execute_update("SET dialect = 'sql'".to_string(), None).await.unwrap();
    let texts = [
        "CREATE TABLE t (a INT)",
        "CREATE VIEW v AS SELECT 1",
        "INSERT INTO \"user\" (id) VALUES (9)",
        "DELETE FROM \"user\"",
        "UPDATE \"user\" SET name = 'x'",
        "COPY \"user\" TO 'out.csv'",
        "CREATE EXTERNAL TABLE e STORED AS CSV LOCATION '/etc/passwd'",
    ];
    for text in texts {
        let wrong = ask(&mut client, text).await.unwrap_err();
        assert!(wrong.contains("EQL0502") || wrong.contains("EQL0501"), "{text}: {wrong}");
    }
    let long = ask(&mut client, &format!("SELECT 1{}", " + 1".repeat(100_000))).await.unwrap_err();
    assert!(long.contains("EQL0501") && long.contains("at most 500 operators"), "{long}");
    let file = ask(&mut client, "SELECT * FROM '/etc/passwd'").await.unwrap_err();
    assert!(file.contains("EQL0501"), "{file}");
    let wrong = ask(&mut client, "SELECT nam FROM \"user\"").await.unwrap_err();
    assert!(wrong.contains("EQL0501") && wrong.contains("nam"), "{wrong}");
    assert_eq!(table(&mut client, "SELECT count(*) AS n FROM \"user\"").await, ["n", "3"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tools_can_look_around() {
    let server = users(&[]).await;
    let mut client = server.flight().await;
    prepared(&server, &mut client).await;
    let text = "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema = 'default' ORDER BY table_name";
    let listed = table(&mut client, text).await;
    for name in ["default,user", "default,visit", "default,reader", "default,loyal"] {
        assert!(listed.contains(&name.to_string()), "{listed:?} lacks {name}");
    }
    let text = "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'loyal' ORDER BY ordinal_position";
    assert_eq!(table(&mut client, text).await, ["column_name,data_type", "id,Int64", "value,Boolean"]);
    let info = client.get_db_schemas(CommandGetDbSchemas { catalog: None, db_schema_filter_pattern: None }).await.unwrap();
    let mut stream = client.do_get(info.endpoint[0].ticket.clone().unwrap()).await.unwrap();
    let mut schemas = Vec::new();
    while let Some(b) = stream.try_next().await.unwrap() {
        schemas.extend(b.column(1).as_string::<i32>().iter().flatten().map(str::to_string));
    }
    assert_eq!(schemas, ["default", "system"]);
    let command = CommandGetTables {
        catalog: None,
        db_schema_filter_pattern: None,
        table_name_filter_pattern: Some("loyal".to_string()),
        table_types: vec![],
        include_schema: true,
    };
    let info = client.get_tables(command).await.unwrap();
    let mut stream = client.do_get(info.endpoint[0].ticket.clone().unwrap()).await.unwrap();
    let first = stream.try_next().await.unwrap().unwrap();
    assert_eq!((first.num_rows(), first.column(1).as_string::<i32>().value(0)), (1, "default"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parameters_and_the_clock() {
    let server = users(&[]).await;
    let mut client = server.flight().await;
    prepared(&server, &mut client).await;
    let mut statement = client.prepare("SELECT count(*) AS n FROM visit WHERE seconds > $1 AND page = $2".to_string(), None).await.unwrap();
    let parameters = RecordBatch::try_from_iter([
        ("1", Arc::new(arrow::array::Int64Array::from(vec![10])) as Arc<dyn Array>),
        ("2", Arc::new(StringArray::from(vec!["a"])) as Arc<dyn Array>),
    ]);
    statement.set_parameters(parameters.unwrap()).unwrap();
    let info = statement.execute().await.unwrap();
    let mut stream = client.do_get(info.endpoint[0].ticket.clone().unwrap()).await.unwrap();
    let first = stream.try_next().await.unwrap().unwrap();
    assert_eq!(first.column(0).as_primitive::<Int64Type>().value(0), 1);
    client.execute_update("SET now = '2026-01-02T00:00:00Z'".to_string(), None).await.unwrap();
    assert_eq!(table(&mut client, "SELECT count(*) AS n, CAST(now() AS DATE) AS d FROM visit").await, ["n,d", "1,2026-01-02"]);
}
