//! What is defined, and what is kept of it.

use super::{external, figures, times};
use crate::live::Live;
use crate::reevaluate::segment_source;
use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};
use datafusion::common::Result;
use eql_catalog::{Catalog, Noun, Segment, SegmentMode};
use eql_store::{Kept, Refreshed, Snapshot};
use std::sync::Arc;

pub(super) fn catalog(c: &Catalog) -> Vec<ArrayRef> {
    let all = eql_compiler::nouns(c);
    let column = |pick: fn(&(Noun, Option<String>)) -> Option<&str>| Arc::new(all.iter().map(pick).collect::<StringArray>()) as ArrayRef;
    vec![
        column(|(n, _)| Some(&n.name)),
        column(|(n, _)| Some(n.kind)),
        column(|(_, owner)| owner.as_deref()),
        column(|(n, _)| n.data_type.as_deref()),
        column(|(n, _)| n.comment.as_deref()),
        column(|(n, _)| n.definition.as_deref()),
    ]
}

pub(super) fn refreshes(snapshot: &Snapshot) -> Vec<ArrayRef> {
    let all: Vec<&Refreshed> = snapshot.refreshes().collect();
    let texts =
        |pick: for<'r> fn(&'r Refreshed) -> &'r str| Arc::new(StringArray::from_iter_values(all.iter().map(|r| pick(r)))) as ArrayRef;
    let made = |r: &&Refreshed| (r.version > 0).then(|| i64::try_from(r.version).unwrap_or(i64::MAX));
    vec![
        texts(|r| &r.object),
        texts(|r| &r.kind),
        times(all.iter().map(|r| r.started_at)),
        Arc::new(Float64Array::from_iter_values(all.iter().map(|r| r.seconds))),
        texts(|r| if r.error.is_some() { "failed" } else { "finished" }),
        figures(all.iter().map(|r| r.rows)),
        Arc::new(all.iter().map(made).collect::<Int64Array>()),
        Arc::new(all.iter().map(|r| r.error.as_deref()).collect::<StringArray>()),
    ]
}

/// What is known of one segment beside its definition.
struct Stored {
    members: Option<i64>,
    version: Option<i64>,
    times: Vec<i64>,
    subscribers: Option<i64>,
    error: Option<String>,
}

pub(super) fn segments(snapshot: &Snapshot, live: Option<&Live>) -> Result<Vec<ArrayRef>> {
    let all: Vec<&Arc<Segment>> = snapshot.catalog().segments().collect();
    let kept = all.iter().map(|s| stored(snapshot, s, live)).collect::<Result<Vec<_>>>()?;
    let texts = |pick: for<'s> fn(&'s Segment) -> &'s str| Arc::new(StringArray::from_iter_values(all.iter().map(|s| pick(s)))) as ArrayRef;
    let newest: TimestampMicrosecondArray = kept.iter().map(|k| k.times.last().copied()).collect();
    Ok(vec![
        texts(|s| &s.name),
        texts(|s| &s.entity),
        texts(|s| match s.mode {
            SegmentMode::Dynamic => "dynamic",
            SegmentMode::Static => "static",
            SegmentMode::Streaming => "streaming",
        }),
        Arc::new(kept.iter().map(|k| k.members).collect::<Int64Array>()),
        Arc::new(kept.iter().map(|k| k.version).collect::<Int64Array>()),
        figures(kept.iter().map(|k| k.times.len() as u64)),
        Arc::new(newest.with_timezone("UTC")),
        Arc::new(kept.iter().map(|k| k.subscribers).collect::<Int64Array>()),
        Arc::new(kept.iter().map(|k| k.error.as_deref()).collect::<StringArray>()),
    ])
}

fn stored(snapshot: &Snapshot, s: &Segment, live: Option<&Live>) -> Result<Stored> {
    let nothing = Stored { members: None, version: None, times: vec![], subscribers: None, error: None };
    let Some(entity) = snapshot.catalog().entity(&s.entity) else { return Ok(nothing) };
    if let (SegmentMode::Streaming, Some(live)) = (s.mode, live) {
        let source = segment_source(&s.name);
        let Some(figures) = live.log.figures(&source) else { return Ok(nothing) };
        let error = live.failed.lock().get(&source).cloned();
        let members = i64::try_from(figures.rows).unwrap_or(i64::MAX);
        let (version, subscribers) = (i64::from(figures.version), i64::try_from(figures.readers).unwrap_or(i64::MAX));
        return Ok(Stored { members: Some(members), version: Some(version), subscribers: Some(subscribers), error, ..nothing });
    }
    let times = snapshot.versions(entity.id, &Kept::Segment(s.name.clone())).map_err(external)?;
    // A segment that was stored once and is dynamic now is evaluated, whatever is left of it.
    let lives = s.mode != SegmentMode::Dynamic || eql_compiler::schedule(&s.definition).is_some();
    let members = snapshot.members(&s.name).filter(|_| lives).map(|m| BooleanArray::from(m.to_vec()).true_count() as i64);
    let members = members.or((s.mode == SegmentMode::Static).then_some(0));
    let number = |p: u64| i64::try_from(p).unwrap_or(i64::MAX);
    Ok(Stored { members, version: snapshot.members_position(&s.name).filter(|_| lives).map(number), times, ..nothing })
}
