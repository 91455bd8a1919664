//! Every key that can be configured. The same table reads files, variables and flags.

use super::given::Given;
use super::{Config, Tls};

pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) set: fn(&mut Config, &Given) -> Result<(), String>,
}

macro_rules! keys {
    ($($name:literal $config:ident $given:ident $value:expr;)*) => {
        &[$(Key { name: $name, set: |$config, $given| { $value; Ok(()) } }),*]
    };
}

pub(super) const KEYS: &[Key] = keys! {
    "data" c g c.data = g.path()?;
    "flight" c g c.flight = g.address()?;
    "http" c g c.http = g.address()?;
    "tokens" c g c.tokens = g.tokens()?;
    "tls.cert" c g c.tls.get_or_insert_with(Tls::default).cert = g.path()?;
    "tls.key" c g c.tls.get_or_insert_with(Tls::default).key = g.path()?;
    "insecure" c g c.insecure = g.flag()?;
    "log" c g c.log = g.text()?;
    "temp" c g c.temp = g.path()?;
    "backup_dir" c g c.backup_dir = Some(g.path()?);
    "parts.url" c g c.parts.set_url(g)?;
    "parts.endpoint" c g c.parts.set("endpoint", g.text()?);
    "parts.region" c g c.parts.set("region", g.text()?);
    "parts.allow_http" c g c.parts.set("allow_http", g.flag()?.to_string());
    "parts.access_key_id" c g c.parts.set("access_key_id", g.secret()?);
    "parts.secret_access_key" c g c.parts.set("secret_access_key", g.secret()?);
    "parts.session_token" c g c.parts.set("session_token", g.secret()?);
    "limits.timeout_ms" c g c.limits.timeout_ms = g.count()?;
    "limits.memory_bytes" c g c.limits.memory_bytes = g.bytes()?;
    "limits.running" c g c.limits.running = g.places()?;
    "limits.waiting" c g c.limits.waiting = g.places()?;
    "limits.result_cache_bytes" c g c.limits.result_cache_bytes = g.bytes()?;
    "limits.plan_cache_bytes" c g c.limits.plan_cache_bytes = g.bytes()?;
    "limits.read_cache_bytes" c g c.limits.read_cache_bytes = g.bytes()?;
    "limits.cached_result_bytes" c g c.limits.cached_result_bytes = g.bytes()?;
    "limits.threads" c g c.limits.threads = g.places()?;
    "limits.body_bytes" c g c.body_bytes = g.bytes()?;
    "limits.upload_bytes" c g c.upload_bytes = g.bytes()?;
    "webhooks.allow_private" c g c.webhooks_allow_private = g.flag()?;
    "ingest.queue_rows" c g c.limits.ingest.queue_rows = g.places()?;
    "ingest.queue_bytes" c g c.limits.ingest.queue_bytes = usize::try_from(g.bytes()?).unwrap_or(usize::MAX);
    "ingest.body_rows" c g c.limits.ingest.body_rows = g.places()?;
    "ingest.unpacked_bytes" c g c.limits.ingest.unpacked_bytes = g.bytes()?;
    "ingest.unpack_ratio" c g c.limits.ingest.unpack_ratio = g.count()?;
    "ingest.ahead_ms" c g c.limits.ingest.ahead_ms = g.count()?;
};
