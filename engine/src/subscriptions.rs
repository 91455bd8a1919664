//! Subscriptions with a name: what they have not acknowledged is kept for them, up to a limit. Which there are the log of events says, like
//! all definitions; where they are the change log says.

use crate::reevaluate::{log_error, segment_source};
use crate::rows::internal;
use crate::{Engine, EngineError};
use eql_live::{ChangeLog, LogError, SubscriptionState};
use eql_store::Store;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Documents that define subscriptions.
const SUBSCRIPTION: &str = "subscription";
/// What the subscription of a webhook is called: this, and its name.
pub(crate) const OF_WEBHOOK: &str = "webhook ";
/// Documents that define webhooks.
const WEBHOOK: &str = "webhook";

/// A definition. Its JSON is a promise.
#[derive(Serialize, Deserialize)]
struct Named {
    /// `segment vip`
    follows: String,
}

impl Engine {
    /// Begins a named subscription to a segment, from now on, or leaves the one there is.
    ///
    /// # Errors
    /// No such streaming segment, the name follows something else, or the subscription is broken.
    pub async fn name_subscription(&self, name: &str, segment: &str) -> Result<(), EngineError> {
        let live = self.live()?;
        self.caught_up(&live).await?;
        let (name, source, now, store) = (name.to_string(), segment_source(segment), self.clock(), self.store.clone());
        blocking(move || {
            // Its place first: a place without a definition goes at the next start, and nobody was promised anything.
            live.log.name(&name, &source, now).map_err(log_error)?;
            define(&store, &name, source)
        })
        .await
    }

    /// Takes note that everything up to a cursor was taken in. Durable when this returns.
    ///
    /// # Errors
    /// No such subscription, one that is broken, or a cursor that is not its own.
    pub async fn acknowledge(&self, name: &str, cursor: &str) -> Result<(), EngineError> {
        let (name, cursor, now) = (name.to_string(), cursor.to_string(), self.clock());
        self.logged(move |log| {
            log.acknowledge(&name, &cursor, now)?;
            log.save()
        })
        .await
    }

    /// The same, durable within about a second: whoever delivers in the engine's name may deliver twice what a crash forgets.
    ///
    /// # Errors
    /// No such subscription, one that is broken, or a cursor that is not its own.
    pub fn acknowledge_soon(&self, name: &str, cursor: &str) -> Result<(), EngineError> {
        self.live()?.log.acknowledge(name, cursor, self.clock()).map_err(log_error)
    }

    /// Ends a named subscription; whether there was one.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub async fn end_subscription(&self, name: &str) -> Result<bool, EngineError> {
        let (name, live, store) = (name.to_string(), self.live()?, self.store.clone());
        blocking(move || {
            let there = store.discard_document(SUBSCRIPTION, &name)?;
            Ok(live.log.unname(&name).map_err(log_error)? || there)
        })
        .await
    }

    /// All named subscriptions.
    ///
    /// # Errors
    /// The change log cannot be opened.
    pub fn subscriptions(&self) -> Result<Vec<SubscriptionState>, EngineError> {
        Ok(self.live()?.log.subscriptions())
    }

    /// The clock of what is committed.
    pub(crate) fn clock(&self) -> i64 {
        self.catalog().clock.unwrap_or_else(|| self.store.clock().max(eql_store::Clock::System.now()))
    }

    pub(crate) async fn logged<T: Send + 'static>(
        &self,
        f: impl FnOnce(&ChangeLog) -> Result<T, LogError> + Send + 'static,
    ) -> Result<T, EngineError> {
        let live = self.live()?;
        blocking(move || f(&live.log).map_err(log_error)).await
    }
}

/// Definitions of those who deliver changes, in the log of events like all definitions.
impl Engine {
    /// Defines a webhook, or defines it anew.
    ///
    /// # Errors
    /// The log cannot be written.
    pub async fn define_webhook(&self, name: &str, definition: String) -> Result<(), EngineError> {
        let (name, store) = (name.to_string(), self.store.clone());
        blocking(move || Ok(store.keep_document(WEBHOOK, &name, &definition).map(drop)?)).await
    }

    /// The name of the subscription that a webhook reads by.
    pub fn webhook_subscription(name: &str) -> String {
        format!("{OF_WEBHOOK}{name}")
    }

    /// The definitions of webhooks, by name.
    pub fn webhooks(&self) -> Vec<(String, Arc<str>)> {
        self.store.documents(WEBHOOK)
    }

    /// Forgets the definition of a webhook; whether there was one.
    ///
    /// # Errors
    /// The log cannot be written.
    pub async fn drop_webhook(&self, name: &str) -> Result<bool, EngineError> {
        let (name, store) = (name.to_string(), self.store.clone());
        blocking(move || Ok(store.discard_document(WEBHOOK, &name)?)).await
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, EngineError> + Send + 'static) -> Result<T, EngineError> {
    tokio::task::spawn_blocking(work).await.map_err(|e| internal(e.to_string()))?
}

fn define(store: &Store, name: &str, follows: String) -> Result<(), EngineError> {
    let text = serde_json::to_string(&Named { follows }).map_err(|e| internal(e.to_string()))?;
    if store.document(SUBSCRIPTION, name).as_deref() != Some(text.as_str()) {
        store.keep_document(SUBSCRIPTION, name, &text)?;
    }
    Ok(())
}

/// When the change log is opened: the subscriptions that are defined have a place in it, or are broken. What directories of before kept
/// beside it is defined now.
pub(crate) fn reconcile(store: &Store, log: &ChangeLog) -> Result<(), EngineError> {
    let read = |(name, text): (String, Arc<str>)| match serde_json::from_str::<Named>(&text) {
        Ok(named) => Some((name, named.follows)),
        Err(e) => {
            tracing::error!(subscription = name, error = %e, "the definition of a subscription cannot be read: name it again");
            None
        }
    };
    let defined: BTreeMap<String, String> = store.documents(SUBSCRIPTION).into_iter().filter_map(read).collect();
    for (name, follows) in log.reconcile(&defined, store.clock()).map_err(log_error)? {
        define(store, &name, follows)?;
    }
    for (name, text) in log.kept(WEBHOOK).map_err(log_error)? {
        if store.document(WEBHOOK, &name).is_none() {
            store.keep_document(WEBHOOK, &name, &text)?;
        }
        log.discard(WEBHOOK, &name).map_err(log_error)?;
    }
    log.places_only().map_err(log_error)
}
