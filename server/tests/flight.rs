//! Flight SQL with arrow-flight's own client against an engine in this process.
#![allow(clippy::unwrap_used)]

mod support;

use arrow::array::{Array, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, TimeUnit};
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::sql::*;
use arrow_flight::{Action, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo, HandshakeRequest, Ticket};
use futures::TryStreamExt;
use prost::Message;
use std::sync::Arc;
use support::{ALL, users};
use tonic::Code;
use tonic::transport::Channel;

async fn rows(client: &mut FlightSqlServiceClient<Channel>, info: FlightInfo) -> Vec<RecordBatch> {
    let announced = if info.schema.is_empty() { Schema::empty() } else { info.clone().try_decode_schema().unwrap() };
    let ticket = info.endpoint[0].ticket.clone().unwrap();
    assert!(info.endpoint[0].location.is_empty());
    let mut stream = client.do_get(ticket).await.unwrap();
    let mut batches = Vec::new();
    while let Some(batch) = stream.try_next().await.unwrap() {
        batches.push(batch);
    }
    assert_eq!(stream.schema().unwrap().as_ref(), &announced, "DoGet sends the schema that was announced");
    batches
}

async fn query(client: &mut FlightSqlServiceClient<Channel>, text: &str) -> Vec<RecordBatch> {
    let info = client.execute(text.to_string(), None).await.unwrap();
    rows(client, info).await
}

fn texts(batches: &[RecordBatch], column: usize) -> Vec<String> {
    batches
        .iter()
        .flat_map(|b| b.column(column).as_string::<i32>().iter().map(|v| v.unwrap_or("NULL").to_string()).collect::<Vec<_>>())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_come_in_the_announced_schema() {
    let server = users(&[]).await;
    let mut client = server.flight().await;
    let one = query(&mut client, "SELECT 1").await;
    assert_eq!(one[0].column(0).as_primitive::<Int64Type>().value(0), 1);
    let all = query(&mut client, ALL).await;
    let schema = all[0].schema();
    assert_eq!(schema.field(3).data_type(), &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())));
    assert_eq!(schema.field(4).metadata()["ARROW:FLIGHT:SQL:TYPE_NAME"], "DECIMAL(10,2)");
    assert_eq!(texts(&all, 1), ["Ada, \"first\"", "NULL", ""]);
    let none = client.execute("SELECT name FROM user WHERE id = 12345".to_string(), None).await.unwrap();
    assert_eq!(rows(&mut client, none).await.iter().map(RecordBatch::num_rows).sum::<usize>(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handshake_gives_a_bearer_for_password_and_token() {
    let server = users(&["open sesame"]).await;
    let mut client = FlightSqlServiceClient::new(server.channel().await);
    assert!(client.handshake("anybody", "wrong").await.is_err());
    let payload = client.handshake("anybody", "open sesame").await.unwrap();
    assert!(!payload.is_empty(), "one message comes beside the header");
    assert_eq!(query(&mut client, "SELECT 1").await.len(), 1);
    let mut client = FlightSqlServiceClient::new(server.channel().await);
    let refused = client.execute("SELECT 1".to_string(), None).await.unwrap_err().to_string();
    assert!(refused.contains("a token is needed"), "{refused}");
    client.set_token("open sesame".to_string());
    assert_eq!(query(&mut client, "SELECT 1").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_is_answered_without_a_token() {
    let server = users(&["open sesame"]).await;
    let mut raw = FlightServiceClient::new(server.channel().await);
    let descriptor = || FlightDescriptor::new_cmd("SELECT 1".as_bytes().to_vec());
    let codes = [
        raw.list_flights(Criteria::default()).await.map(drop).unwrap_err().code(),
        raw.get_flight_info(descriptor()).await.map(drop).unwrap_err().code(),
        raw.poll_flight_info(descriptor()).await.map(drop).unwrap_err().code(),
        raw.get_schema(descriptor()).await.map(drop).unwrap_err().code(),
        raw.do_get(Ticket::new("SELECT 1")).await.map(drop).unwrap_err().code(),
        raw.do_put(futures::stream::iter([FlightData::new()])).await.map(drop).unwrap_err().code(),
        raw.do_action(Action::new("GetSessionOptions", "")).await.map(drop).unwrap_err().code(),
        raw.list_actions(Empty {}).await.map(drop).unwrap_err().code(),
        raw.do_exchange(futures::stream::iter([FlightData::new()])).await.map(drop).unwrap_err().code(),
        raw.handshake(futures::stream::iter([HandshakeRequest::default()])).await.map(drop).unwrap_err().code(),
    ];
    assert_eq!(codes, [Code::Unauthenticated; 10]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metadata_of_all_kinds() {
    let server = users(&[]).await;
    let mut client = server.flight().await;
    let info = client.get_catalogs().await.unwrap();
    assert_eq!(texts(&rows(&mut client, info).await, 0), ["eql"]);
    let info =
        client.get_db_schemas(CommandGetDbSchemas { catalog: None, db_schema_filter_pattern: Some("def%".to_string()) }).await.unwrap();
    assert_eq!(texts(&rows(&mut client, info).await, 1), ["default"]);
    let info = client.get_table_types().await.unwrap();
    assert_eq!(texts(&rows(&mut client, info).await, 0), ["TABLE"]);
    let keys = CommandGetPrimaryKeys { catalog: None, db_schema: None, table: "user".to_string() };
    let info = client.get_primary_keys(keys).await.unwrap();
    assert_eq!(texts(&rows(&mut client, info).await, 3), ["id"]);
    let info = client.get_imported_keys(CommandGetImportedKeys { table: "user".to_string(), ..Default::default() }).await.unwrap();
    assert_eq!(rows(&mut client, info).await.iter().map(RecordBatch::num_rows).sum::<usize>(), 0);
    let info = client.get_sql_info(vec![SqlInfo::SqlIdentifierQuoteChar]).await.unwrap();
    assert_eq!(rows(&mut client, info).await[0].num_rows(), 1);
    let info = client.get_sql_info(vec![]).await.unwrap();
    assert!(rows(&mut client, info).await[0].num_rows() > 80);
    let info = client.get_xdbc_type_info(CommandGetXdbcTypeInfo { data_type: None }).await.unwrap();
    assert!(rows(&mut client, info).await[0].num_rows() >= 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_have_the_columns_of_queries() {
    let server = users(&[]).await;
    let mut client = server.flight().await;
    let tables = |types: &[&str], include_schema| CommandGetTables {
        catalog: None,
        db_schema_filter_pattern: None,
        table_name_filter_pattern: Some("user".to_string()),
        table_types: types.iter().map(|t| (*t).to_string()).collect(),
        include_schema,
    };
    for (asked, word) in
        [(&[][..], "TABLE"), (&["TABLE", "VIEW"][..], "TABLE"), (&["BASE TABLE"][..], "BASE TABLE"), (&["table"][..], "table")]
    {
        let info = client.get_tables(tables(asked, false)).await.unwrap();
        let found = rows(&mut client, info).await;
        assert_eq!((texts(&found, 2), texts(&found, 3)), (vec!["user".to_string()], vec![word.to_string()]));
    }
    let info = client.get_tables(tables(&["VIEW"], false)).await.unwrap();
    assert_eq!(rows(&mut client, info).await.iter().map(RecordBatch::num_rows).sum::<usize>(), 0);
    let info = client.get_tables(tables(&[], true)).await.unwrap();
    let found = rows(&mut client, info).await;
    let encoded = found[0].column(4).as_binary::<i32>().value(0).to_vec();
    let listed = Schema::try_from(arrow_flight::IpcMessage(encoded.into())).unwrap();
    let asked = client.execute("FROM user".to_string(), None).await.unwrap().try_decode_schema().unwrap();
    assert_eq!(listed, asked);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prepared_statement_takes_parameters() {
    let server = users(&[]).await;
    let mut client = server.flight().await;
    let mut prepared = client.prepare("SELECT name FROM user WHERE id = $1".to_string(), None).await.unwrap();
    assert_eq!(prepared.parameter_schema().unwrap().field(0).name(), "1");
    assert_eq!(prepared.dataset_schema().unwrap().field(0).name(), "name");
    for (column, id, name) in [("0", 1_i64, "Ada, \"first\""), ("1", 9007199254740993, ""), ("p1", 1, "Ada, \"first\"")] {
        let schema = Schema::new(vec![Field::new(column, DataType::Int64, false)]);
        let row = RecordBatch::try_new(Arc::new(schema), vec![Arc::new(Int64Array::from(vec![id]))]).unwrap();
        prepared.set_parameters(row).unwrap();
        let info = prepared.execute().await.unwrap();
        assert_eq!(texts(&rows(&mut client, info).await, 0), [name]);
    }
    let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Utf8, false), Field::new("b", DataType::Utf8, false)]));
    let one = || Arc::new(StringArray::from(vec!["x"])) as Arc<dyn Array>;
    prepared.set_parameters(RecordBatch::try_new(schema, vec![one(), one()]).unwrap()).unwrap();
    let refused = prepared.execute().await.unwrap_err().to_string();
    assert!(refused.contains("the statement has the parameters 1"), "{refused}");
    prepared.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn definitions_are_updates() {
    let server = users(&[]).await;
    let mut client = server.flight().await;
    assert_eq!(client.execute_update("DEFINE ENTITY shop KEY id STRING (name STRING)".to_string(), None).await.unwrap(), 0);
    let prepared = client.prepare("DEFINE ENTITY depot KEY id STRING (name STRING)".to_string(), None).await.unwrap();
    assert!(prepared.dataset_schema().unwrap().fields().is_empty(), "JDBC takes a statement without columns for an update");
    let info = client.execute("DEFINE ENTITY stall KEY id STRING (name STRING)".to_string(), None).await.unwrap();
    assert!(info.schema.is_empty(), "ADBC waits for the rows of a statement that announces no columns");
    assert!(rows(&mut client, info).await.is_empty());
    assert!(query(&mut client, "SELECT id, name FROM stall").await.iter().all(|b| b.num_rows() == 0), "it is defined");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_last_as_long_as_the_session() {
    let server = users(&["open sesame"]).await;
    let mut client = FlightSqlServiceClient::new(server.channel().await);
    client.handshake("u", "open sesame").await.unwrap();
    client.execute_update("SET time_zone = 'Asia/Tokyo'".to_string(), None).await.unwrap();
    let zone = |schema: &Schema| schema.field(0).data_type().to_string();
    let text = "SELECT seen_at FROM user".to_string();
    assert!(zone(&client.execute(text.clone(), None).await.unwrap().try_decode_schema().unwrap()).contains("Asia/Tokyo"));
    let mut other = FlightSqlServiceClient::new(server.channel().await);
    other.handshake("u", "open sesame").await.unwrap();
    assert!(zone(&other.execute(text.clone(), None).await.unwrap().try_decode_schema().unwrap()).contains("UTC"));
    let before = other.execute(format!("SET time_zone = 'Europe/Oslo'; {text}"), None).await.unwrap();
    assert!(zone(&before.clone().try_decode_schema().unwrap()).contains("Europe/Oslo"), "SET may stand before the statement");
    rows(&mut other, before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_say_what_and_where() {
    let server = users(&[]).await;
    let mut raw = FlightServiceClient::new(server.channel().await);
    let asked = |text: &str| {
        FlightDescriptor::new_cmd(CommandStatementQuery { query: text.to_string(), transaction_id: None }.as_any().encode_to_vec())
    };
    let status = raw.get_flight_info(asked("SELECT nmae FROM user")).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("line 1, column 8") && status.message().contains("nmae"), "{}", status.message());
    let status = raw.get_flight_info(asked("SELECT 1; SELECT 2")).await.unwrap_err();
    assert!(status.message().contains("one statement"), "{}", status.message());
    for garbage in [vec![], vec![0xff; 40], vec![8, 1, 2]] {
        assert_eq!(raw.get_flight_info(FlightDescriptor::new_cmd(garbage.clone())).await.unwrap_err().code(), Code::InvalidArgument);
        assert_eq!(raw.do_get(Ticket::new(garbage)).await.map(drop).unwrap_err().code(), Code::InvalidArgument);
    }
    let forged = TicketStatementQuery { statement_handle: vec![7; 57].into() }.as_any().encode_to_vec();
    let status = raw.do_get(Ticket::new(forged)).await.map(drop).unwrap_err();
    assert!(status.message().contains("not one of this server"), "{}", status.message());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_text_polling_and_schemas_work_too() {
    let server = users(&[]).await;
    let mut client = server.flight().await;
    let mut raw = FlightServiceClient::new(server.channel().await);
    let info = raw.get_flight_info(FlightDescriptor::new_cmd("SELECT 1".as_bytes().to_vec())).await.unwrap().into_inner();
    assert_eq!(rows(&mut client, info).await.len(), 1);
    let poll = raw.poll_flight_info(FlightDescriptor::new_cmd("SELECT 1".as_bytes().to_vec())).await.unwrap().into_inner();
    assert!(poll.flight_descriptor.is_none() && poll.info.is_some());
    let schema = raw.get_schema(FlightDescriptor::new_cmd("SELECT 1".as_bytes().to_vec())).await.unwrap().into_inner();
    assert_eq!(Schema::try_from(&schema).unwrap().fields().len(), 1);
    let json = r#"{"database":"eql","sql_query":"SELECT name FROM user WHERE id = :id","query_type":"sql","params":{"id":1}}"#;
    let messages: Vec<FlightData> = raw.do_get(Ticket::new(json)).await.unwrap().into_inner().try_collect().await.unwrap();
    assert_eq!(messages.len(), 2);
    let actions: Vec<_> = raw.list_actions(Empty {}).await.unwrap().into_inner().try_collect().await.unwrap();
    assert!(actions.iter().any(|a| a.r#type == "CancelFlightInfo"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_and_cancelling() {
    let server = users(&[]).await;
    let mut raw = FlightServiceClient::new(server.channel().await);
    let mut act = async |name: &str, body: Vec<u8>| -> Vec<u8> {
        let results: Vec<_> = raw.do_action(Action::new(name, body)).await.unwrap().into_inner().try_collect().await.unwrap();
        results[0].body.to_vec()
    };
    assert_eq!(act("SetSessionOptions", b"\n\x10\n\x07catalog\x12\x05\n\x03eql".to_vec()).await, b"");
    let options = act("GetSessionOptions", vec![]).await;
    assert!(options.windows(7).any(|w| w == b"catalog"));
    assert_eq!(act("CloseSession", vec![]).await, [8, 1]);
    let mut client = server.flight().await;
    let info = client.execute("SELECT 1".to_string(), None).await.unwrap();
    let request = arrow_flight::CancelFlightInfoRequest { info: Some(info.clone()) }.encode_to_vec();
    assert_eq!(act("CancelFlightInfo", request).await, [8, 1]);
    let ticket = info.endpoint[0].ticket.clone().unwrap();
    let refused = client.do_get(ticket).await.map(drop).unwrap_err().to_string();
    assert!(refused.contains("expired"), "{refused}");
}
