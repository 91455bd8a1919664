//! What the server says about itself: a log on stderr and metrics for Prometheus. Parameter values and tokens are in neither.

use eql_engine::stream::{IngestAnswer, IngestStats};
use eql_engine::{CacheStats, EngineError, EngineStats, StoreStats};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::io::IsTerminal;
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use tracing_subscriber::EnvFilter;

/// Seconds; from a cached answer to the longest statement allowed.
const QUERY_SECONDS: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 300.0];
/// Seconds; from one fsync to a client that waits for a checkpoint.
const ACK_SECONDS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];
/// How often samples are folded into buckets.
const UPKEEP: Duration = Duration::from_secs(5);

/// Logs to stderr from now on. `log` is a level for our own crates, or `tracing` directives. A second call changes nothing.
///
/// # Errors
/// `log` is neither.
pub fn init(log: &str) -> Result<(), String> {
    let directives = match log.parse::<tracing::Level>() {
        Ok(level) => format!("warn,eql_server={level},eql_engine={level},eql_stream={level},eql_planner={level},eql_store={level}"),
        Err(_) => log.to_string(),
    };
    let filter =
        EnvFilter::try_new(&directives).map_err(|e| format!("`log` = `{log}` is no level (error, warn, info, debug, trace): {e}"))?;
    // Somebody else's subscriber, in tests or in a program that embeds the server, is left alone.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .try_init();
    Ok(())
}

/// The process's metrics. Only the first call installs the recorder.
pub(crate) fn metrics() -> &'static PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| {
        let builder = PrometheusBuilder::new();
        let builder = builder.set_buckets_for_metric(Matcher::Full("eql_query_seconds".to_string()), &QUERY_SECONDS).unwrap_or_default();
        let builder = builder.set_buckets_for_metric(Matcher::Full("eql_ingest_ack_seconds".to_string()), &ACK_SECONDS).unwrap_or_default();
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another metrics recorder is installed: /metrics stays empty");
        }
        describe();
        handle
    })
}

fn describe() {
    metrics::describe_histogram!("eql_query_seconds", metrics::Unit::Seconds, "Time from a statement's arrival to its last row");
    metrics::describe_gauge!("eql_queries_running", "Statements running now");
    metrics::describe_gauge!("eql_queries_waiting", "Statements waiting for a turn");
    metrics::describe_gauge!("eql_log_lsn", "Last applied position of the log");
    metrics::describe_counter!("eql_cache_hits_total", "Answers and plans found in a cache");
    metrics::describe_counter!("eql_cache_misses_total", "Answers and plans not found in a cache");
    metrics::describe_counter!("eql_ingest_events_total", "Rows that arrived over HTTP, by what became of them");
    metrics::describe_histogram!("eql_ingest_ack_seconds", metrics::Unit::Seconds, "Time from a whole body to its answer");
    metrics::describe_gauge!("eql_ingest_queue_rows", "Rows that wait for their answer");
    metrics::describe_gauge!("eql_ingest_queue_bytes", "Bytes of bodies that wait for their answer");
    metrics::describe_gauge!("eql_cache_bytes", "Bytes in a cache");
    metrics::describe_gauge!("eql_cache_entries", "Entries of a cache");
    metrics::describe_gauge!("eql_query_memory_bytes", "Bytes held by running statements");
    metrics::describe_gauge!("eql_checkpoint_lsn", "Position of the log up to which rows are in parts");
    metrics::describe_gauge!("eql_log_bytes", "Bytes of the log on disk");
    metrics::describe_gauge!("eql_log_files", "Files of the log");
    metrics::describe_gauge!("eql_parts", "Parts on disk");
    metrics::describe_gauge!("eql_part_bytes", "Bytes of the parts on disk");
    metrics::describe_gauge!("eql_part_rows", "Event rows in parts");
    metrics::describe_gauge!("eql_hot_rows", "Event rows in memory, not yet in a part");
    metrics::describe_gauge!("eql_entities", "Known entities of all types");
    metrics::describe_gauge!("eql_identifiers", "Known identifiers of all types");
    metrics::describe_gauge!("eql_identity_merged", "Entities that others stand for");
    metrics::describe_counter!("eql_identity_conflicts_total", "Binds and merges that contradict what is known");
}

/// Folds samples into buckets until it is dropped; without it they would pile up between scrapes.
pub(crate) async fn upkeep() {
    let mut tick = tokio::time::interval(UPKEEP);
    loop {
        tick.tick().await;
        metrics().run_upkeep();
    }
}

/// The text of `/metrics`.
pub(crate) fn render(stats: &EngineStats, store: &StoreStats, ingest: IngestStats) -> String {
    let handle = metrics();
    metrics::gauge!("eql_ingest_queue_rows").set(ingest.rows as f64);
    metrics::gauge!("eql_ingest_queue_bytes").set(ingest.bytes as f64);
    metrics::gauge!("eql_log_lsn").set(stats.position as f64);
    metrics::gauge!("eql_queries_running").set(stats.running as f64);
    metrics::gauge!("eql_queries_waiting").set(stats.waiting as f64);
    metrics::gauge!("eql_query_memory_bytes").set(stats.query_memory_bytes as f64);
    cache("result", &stats.result_cache);
    cache("plan", &stats.plan_cache);
    let columns = CacheStats { hits: store.cache_hits, misses: store.cache_misses, bytes: store.cache_bytes, entries: store.cache_entries };
    cache("columns", &columns);
    stored(store);
    handle.render()
}

/// Measures one call of ingest.
pub(crate) struct Acknowledgement {
    started: Instant,
}

impl Acknowledgement {
    pub(crate) fn start() -> Self {
        Self { started: Instant::now() }
    }

    pub(crate) fn done(self, answer: &IngestAnswer) {
        metrics::histogram!("eql_ingest_ack_seconds").record(self.started.elapsed().as_secs_f64());
        let rejected = answer.rejected.len() as u64;
        for (result, rows) in [("accepted", answer.accepted), ("duplicate", answer.duplicates), ("rejected", rejected)] {
            if rows > 0 {
                metrics::counter!("eql_ingest_events_total", "result" => result).increment(rows);
            }
        }
    }
}

fn cache(name: &'static str, figures: &CacheStats) {
    metrics::counter!("eql_cache_hits_total", "cache" => name).absolute(figures.hits);
    metrics::counter!("eql_cache_misses_total", "cache" => name).absolute(figures.misses);
    metrics::gauge!("eql_cache_bytes", "cache" => name).set(figures.bytes as f64);
    metrics::gauge!("eql_cache_entries", "cache" => name).set(figures.entries as f64);
}

fn stored(store: &StoreStats) {
    metrics::gauge!("eql_checkpoint_lsn").set(store.checkpoint_position as f64);
    metrics::gauge!("eql_log_bytes").set(store.log_bytes as f64);
    metrics::gauge!("eql_log_files").set(store.log_segments as f64);
    metrics::gauge!("eql_parts").set(store.parts as f64);
    metrics::gauge!("eql_part_bytes").set(store.part_bytes as f64);
    metrics::gauge!("eql_part_rows").set(store.part_rows as f64);
    metrics::gauge!("eql_hot_rows").set(store.hot_rows as f64);
    metrics::gauge!("eql_entities").set(store.entities as f64);
    metrics::gauge!("eql_identifiers").set(store.identities.identifiers as f64);
    metrics::gauge!("eql_identity_merged").set(store.identities.merged as f64);
    metrics::counter!("eql_identity_conflicts_total").absolute(store.identities.conflicts);
}

/// Measures one statement. Dropped without a result, the statement was cancelled.
pub(crate) struct Timer {
    protocol: &'static str,
    started: Instant,
    told: bool,
}

impl Timer {
    pub(crate) fn start(protocol: &'static str) -> Self {
        Self { protocol, started: Instant::now(), told: false }
    }

    pub(crate) fn done(mut self) {
        self.tell("ok");
    }

    pub(crate) fn failed(mut self, error: &EngineError) {
        self.tell(crate::failure::Class::of(error).word());
    }

    fn tell(&mut self, result: &'static str) {
        self.told = true;
        metrics::histogram!("eql_query_seconds", "protocol" => self.protocol, "result" => result)
            .record(self.started.elapsed().as_secs_f64());
        tracing::debug!(protocol = self.protocol, result, elapsed = ?self.started.elapsed(), "statement");
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if !self.told {
            self.tell("cancelled");
        }
    }
}
