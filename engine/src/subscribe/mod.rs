//! SUBSCRIBE: rows that never end.
//!
//! ```text
//! bound → shape → caught up → place in the change log, or in the log of events → rows: snapshot, changes, progress
//! ```
//! A subscriber holds its place and nothing else: one that does not read costs no memory and slows nobody down.

mod dead;
mod endless;
mod events;
mod followers;
mod members;
mod payload;

pub use dead::DeadLetter;
pub(crate) use dead::forget as forget_letters;
pub use followers::Delivery;
pub(crate) use followers::Followers;
pub(crate) use followers::Stream;

use crate::live::Live;
use crate::query::Setup;
use crate::reevaluate::{log_error, segment_source, tag_source};
use crate::rows::{Head, internal};
use crate::{Engine, EngineError, Params, ResultColumn, Rows, Session, Warnings};
use arrow::datatypes::SchemaRef;
use eql_catalog::{Catalog, DataType};
use eql_compiler::bound::{Follows, Statement, Subscribe, SubscribedFrom};
use eql_live::{Reader, Start};
use followers::Seat;
use std::sync::Arc;
use std::time::Duration;

/// How long a subscription may wait until the live thread has seen what was committed before it.
const CATCH_UP: Duration = Duration::from_secs(60);

/// A promise is made at least so often.
const PROGRESS: Duration = Duration::from_secs(1);

impl Engine {
    /// Begins to follow. When this returns, nothing that happens later is missed.
    pub(crate) async fn subscribe(&self, setup: &Setup, s: &Subscribe) -> Result<Rows, EngineError> {
        let start = match &s.from {
            SubscribedFrom::Now => Start::Now,
            SubscribedFrom::Snapshot => Start::Snapshot,
            SubscribedFrom::Cursor(text) => Start::Cursor(text.clone()),
        };
        self.subscribe_at(setup, s, start).await
    }

    async fn subscribe_at(&self, setup: &Setup, s: &Subscribe, start: Start) -> Result<Rows, EngineError> {
        let head = head(&self.catalog(), s, &setup.zone)?;
        let engine = self.this.upgrade().ok_or_else(|| EngineError::Closed("the engine closes".into()))?;
        let live = self.live()?;
        let named = if let Start::Subscription(name) = &start { Some(name.clone()) } else { None };
        let seat = Seat::take(&live, source(&self.catalog(), s), named)?;
        let (columns, schema) = (head.columns.clone(), head.schema.clone());
        let batches = match &s.follows {
            Follows::Events(followed) => {
                let following = events::begin(engine, live.clone(), followed.clone(), schema.clone(), start).await?;
                endless::stream(following, seat, &live)
            }
            Follows::Segment { .. } | Follows::Tag { .. } => {
                let following = members::begin(engine, live.clone(), s.clone(), schema.clone(), start).await?;
                endless::stream(following, seat, &live)
            }
        };
        Ok(Rows { columns, schema, batches, warnings: Warnings::default(), approximate: false })
    }

    /// The columns of a subscription.
    pub(crate) fn subscription_shape(&self, setup: &Setup, s: &Subscribe) -> Result<(Vec<ResultColumn>, SchemaRef), EngineError> {
        let head = head(&self.catalog(), s, &setup.zone)?;
        Ok((head.columns, head.schema))
    }

    /// Follows the changes of a streaming segment.
    ///
    /// # Errors
    /// No such segment, one that is not streaming, or a place that cannot be begun at.
    pub async fn follow_segment(&self, name: &str, start: Start) -> Result<Rows, EngineError> {
        self.follow(&format!("SEGMENT {}", crate::reevaluate::quoted(name)), start).await
    }

    /// Follows the values of a stored tag.
    ///
    /// # Errors
    /// As [`follow_segment`](Self::follow_segment).
    pub async fn follow_tag(&self, entity: &str, name: &str, start: Start) -> Result<Rows, EngineError> {
        self.follow(&format!("TAG {}", crate::reevaluate::quoted(&format!("{entity}.{name}"))), start).await
    }

    /// Follows the events of a type.
    ///
    /// # Errors
    /// As [`follow_segment`](Self::follow_segment).
    pub async fn follow_events(&self, name: &str, start: Start) -> Result<Rows, EngineError> {
        self.follow(&format!("EVENT {}", crate::reevaluate::quoted(name)), start).await
    }

    async fn follow(&self, what: &str, start: Start) -> Result<Rows, EngineError> {
        let text = format!("SUBSCRIBE TO {what}");
        let statement = eql_grammar::parse(&text).statements.into_iter().next();
        let statement = statement.ok_or_else(|| internal("no statement".into()))?.map_err(EngineError::Diagnostics)?;
        let setup = self.setup(&Session::default(), &Params::new());
        let (bound, _) = self.bind(&text, &statement, &setup)?;
        match &bound.statement {
            Some(Statement::Subscribe(s)) => self.subscribe_at(&setup, s, start).await,
            _ => Err(internal("a subscription that is none".into())),
        }
    }

    /// Returns when everything that was committed before is published.
    pub(crate) async fn caught_up(&self, live: &Live) -> Result<(), EngineError> {
        let position = self.store.position();
        let mut done = live.done.subscribe();
        let mut stopping = live.stopping.subscribe();
        let caught_up = done.wait_for(|(published, clock)| *published >= position && *clock > i64::MIN);
        let seen = tokio::select! {
            seen = tokio::time::timeout(CATCH_UP, caught_up) => seen.map(drop),
            _ = stopping.wait_for(|stop| *stop) => return Err(EngineError::Closed("the server closes".into())),
        };
        seen.map_err(|_| EngineError::Invalid("segments are not yet as far as what was committed; try again in a moment".into()))
    }
}

/// `segment vip`, `tag user.level`
fn source(catalog: &Catalog, s: &Subscribe) -> String {
    match &s.follows {
        Follows::Segment { name, .. } => segment_source(name),
        Follows::Tag { name, entity } => tag_source(catalog.entity_by_id(*entity).map_or("", |e| &e.name), name),
        Follows::Events(followed) => {
            let types = followed.iter().flat_map(|f| &f.types).filter_map(|id| catalog.event_by_id(*id));
            let mut names: Vec<&str> = types.map(|e| e.name.as_str()).collect();
            names.dedup();
            format!("event {}", names.join(", "))
        }
    }
}

fn head(catalog: &Catalog, s: &Subscribe, zone: &str) -> Result<Head, EngineError> {
    let key = |entity| {
        let entity = catalog.entity_by_id(entity).ok_or_else(|| internal("an unknown entity type".into()))?;
        // A key of several columns is a JSON list.
        Ok::<_, EngineError>(if let [one] = entity.key.as_slice() { one.data_type.clone() } else { DataType::String })
    };
    let fixed = |all: &[(&str, DataType)]| all.iter().map(|(n, t)| ((*n).to_string(), t.clone())).collect::<Vec<_>>();
    use DataType::{Int, String as Text, Timestamp};
    let columns = match &s.follows {
        Follows::Segment { entity, .. } => {
            let mut columns = fixed(&[
                ("position", Int),
                ("segment", Text),
                ("entity", key(*entity)?),
                ("change", Text),
                ("at", Timestamp),
                ("cause", Text),
            ]);
            columns.extend(payload::columns(catalog, s).into_iter().map(|o| (o.name, o.data_type)));
            columns.push(("cursor".to_string(), Text));
            columns
        }
        Follows::Tag { name, entity } => {
            let entity_type = catalog.entity_by_id(*entity).map_or("", |e| &e.name);
            let value = catalog.tag(entity_type, name).map_or(Text, |t| t.data_type.clone());
            fixed(&[
                ("position", Int),
                ("tag", Text),
                ("entity", key(*entity)?),
                ("old", value.clone()),
                ("new", value),
                ("at", Timestamp),
                ("cause", Text),
                ("cursor", Text),
            ])
        }
        Follows::Events(followed) => {
            let mut columns = fixed(&[("position", Int), ("event", Text), ("event_id", Text), ("time", Timestamp)]);
            columns.extend(events::keys(catalog, followed));
            columns.extend(fixed(&[("properties", DataType::Json), ("cursor", Text)]));
            columns
        }
    };
    Ok(Head::named(columns, zone))
}

impl Live {
    /// A reader that begins where it is told to. Its place is held by the log's retention alone.
    async fn reader(
        self: &Arc<Self>,
        engine: &Engine,
        source: &str,
        start: Start,
    ) -> Result<(Option<eql_live::Members>, Reader), EngineError> {
        let (live, name) = (self.clone(), source.to_string());
        let is_new = if source.starts_with(crate::reevaluate::TAG) {
            tokio::task::spawn_blocking(move || live.log.follow(&name)).await.map_err(|e| internal(e.to_string()))?.map_err(log_error)?
        } else {
            false
        };
        if is_new {
            // One round may have begun before: the values are there after the second.
            let mut done = self.done.subscribe();
            for _ in 0..2 {
                let waited = tokio::time::timeout(CATCH_UP, done.changed()).await;
                waited
                    .map_err(|_| EngineError::Invalid("the values of the tag are not there yet; try again in a moment".into()))
                    .map(drop)?;
            }
        }
        engine.caught_up(self).await?;
        if let Some(reason) = self.failed.lock().get(source) {
            return Err(EngineError::Invalid(format!("{source} is not kept up to date: {reason}")));
        }
        let (log, name) = (self.log.clone(), source.to_string());
        let begun = tokio::task::spawn_blocking(move || log.subscribe(&name, &start)).await;
        begun.map_err(|e| internal(e.to_string()))?.map_err(log_error)
    }
}
