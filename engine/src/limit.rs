//! Every bound of the system with the reason for its number. They are handed down as values.

use eql_stream::IngestLimits;

/// Bounds of one server or embedded engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Milliseconds a statement may run; 5 minutes is longer than any dashboard waits.
    pub timeout_ms: u64,
    /// Bytes all running statements may hold together; half of a small machine.
    pub memory_bytes: u64,
    /// Statements that run at once; more only makes all of them slower on few cores.
    pub running: usize,
    /// Statements that wait for a turn before new ones are refused.
    pub waiting: usize,
    /// Bytes of cached results.
    pub result_cache_bytes: u64,
    /// Bytes of cached plans.
    pub plan_cache_bytes: u64,
    /// Bytes of decoded columns and timelines kept.
    pub read_cache_bytes: u64,
    /// A result larger than this is not cached.
    pub cached_result_bytes: u64,
    /// Partitions a statement works on at once.
    pub threads: usize,
    /// Rows that arrive over a wire.
    pub ingest: IngestLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout_ms: 300_000,
            memory_bytes: 4 << 30,
            running: 16,
            waiting: 64,
            result_cache_bytes: 64 << 20,
            plan_cache_bytes: 16 << 20,
            read_cache_bytes: 1 << 30,
            cached_result_bytes: 4 << 20,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            ingest: IngestLimits::default(),
        }
    }
}
