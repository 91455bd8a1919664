//! Who follows what, and how far each of them is.

use super::figures;
use crate::live::Live;
use crate::subscribe::{Delivery, Stream};
use crate::subscriptions::OF_WEBHOOK as WEBHOOK;
use arrow::array::{ArrayRef, Int64Array, StringArray, TimestampMicrosecondArray};
use datafusion::common::{DataFusionError, Result};
use eql_live::{Cursor, Lag, SubscriptionState};
use std::sync::Arc;

/// One row.
#[derive(Default)]
struct Row {
    name: String,
    kind: &'static str,
    follows: String,
    state: &'static str,
    position: u64,
    cursor: Option<String>,
    lag: Option<(u64, i64)>,
    since: Option<i64>,
    acknowledged_at: Option<i64>,
    delivered_at: Option<i64>,
    webhook: Option<Delivery>,
}

pub(super) fn subscriptions(live: Option<&Live>) -> Result<Vec<ArrayRef>> {
    let rows = live.map_or_else(|| Ok(Vec::new()), rows)?;
    let texts = |pick: &dyn Fn(&Row) -> Option<&str>| Arc::new(rows.iter().map(pick).collect::<StringArray>()) as ArrayRef;
    let instants = |pick: fn(&Row) -> Option<i64>| {
        Arc::new(rows.iter().map(pick).collect::<TimestampMicrosecondArray>().with_timezone("UTC")) as ArrayRef
    };
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let numbers = |pick: &dyn Fn(&Row) -> Option<i64>| Arc::new(rows.iter().map(pick).collect::<Int64Array>()) as ArrayRef;
    Ok(vec![
        texts(&|r| Some(&r.name)),
        texts(&|r| Some(r.kind)),
        texts(&|r| Some(&r.follows)),
        texts(&|r| Some(r.state)),
        figures(rows.iter().map(|r| r.position)),
        texts(&|r| r.cursor.as_deref()),
        numbers(&|r| r.lag.map(|(changes, _)| number(changes))),
        numbers(&|r| r.lag.map(|(_, ms)| ms)),
        instants(|r| r.since),
        instants(|r| r.acknowledged_at),
        instants(|r| r.delivered_at),
        numbers(&|r| r.webhook.as_ref().map(|w| number(w.failed))),
        numbers(&|r| r.webhook.as_ref().map(|w| number(w.dead_letters))),
        texts(&|r| r.webhook.as_ref().and_then(|w| w.error.as_deref())),
        texts(&|r| r.webhook.as_ref().map(|w| w.url.as_str())),
    ])
}

fn rows(live: &Live) -> Result<Vec<Row>> {
    let lag = |at: &Cursor| live.log.lag(at).map(|lag| shown(lag, live.log.published().1)).map_err(external);
    let mut rows = Vec::new();
    for named in live.log.subscriptions() {
        let lag = if named.broken { None } else { Some(lag(&named.at)?) };
        rows.push(of_named(named, lag, live));
    }
    // That of a webhook is the webhook.
    let of_webhook = |s: &Stream| s.subscription.as_deref().is_some_and(|name| name.starts_with(WEBHOOK));
    for stream in live.followers.streams().into_iter().filter(|s| !of_webhook(s)) {
        let place = stream.place.clone();
        let lag = place.as_ref().and_then(|p| p.at.as_ref()).map(&lag).transpose()?;
        let cursor = place.as_ref().and_then(|p| p.cursor.clone().or_else(|| p.at.map(|at| live.log.cursor_text(&at))));
        rows.push(of_stream(stream, place.map_or(0, |p| p.position), cursor, lag));
    }
    Ok(rows)
}

fn of_named(named: SubscriptionState, lag: Option<(u64, i64)>, live: &Live) -> Row {
    let webhook = named.name.strip_prefix(WEBHOOK).map(|name| (name.to_string(), live.followers.delivery(name).unwrap_or_default()));
    let state = match &webhook {
        _ if named.broken => "broken",
        Some((_, delivery)) if delivery.failed > 0 => "retrying",
        _ => "active",
    };
    Row {
        kind: if webhook.is_some() { "webhook" } else { "subscription" },
        follows: named.follows,
        state,
        position: named.position,
        cursor: Some(named.cursor).filter(|_| !named.broken),
        lag,
        acknowledged_at: Some(named.acknowledged_at),
        delivered_at: webhook.as_ref().and_then(|(_, delivery)| delivery.delivered_at),
        name: webhook.as_ref().map_or(named.name, |(name, _)| name.clone()),
        webhook: webhook.map(|(_, delivery)| delivery),
        since: None,
    }
}

fn of_stream(stream: Stream, position: u64, cursor: Option<String>, lag: Option<(u64, i64)>) -> Row {
    Row {
        name: stream.number.to_string(),
        kind: "stream",
        follows: stream.follows,
        state: "active",
        position,
        cursor,
        lag,
        since: Some(stream.since),
        delivered_at: stream.delivered_at,
        ..Row::default()
    }
}

/// Changes, and milliseconds by the clock of the log.
fn shown(lag: Lag, clock: i64) -> (u64, i64) {
    (lag.changes, lag.since.map_or(0, |since| clock.saturating_sub(since).max(0) / 1000))
}

fn external(e: eql_live::LogError) -> DataFusionError {
    DataFusionError::External(Box::new(e))
}
