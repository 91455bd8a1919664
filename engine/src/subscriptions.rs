//! Subscriptions with a name: what they have not acknowledged is kept for them, up to a limit.

use crate::reevaluate::{log_error, segment_source};
use crate::rows::internal;
use crate::{Engine, EngineError};
use eql_live::{LogError, SubscriptionState};

impl Engine {
    /// Begins a named subscription to a segment, from now on, or leaves the one there is.
    ///
    /// # Errors
    /// No such streaming segment, or the name follows something else.
    pub async fn name_subscription(&self, name: &str, segment: &str) -> Result<(), EngineError> {
        let live = self.live()?;
        self.caught_up(&live).await?;
        let (name, source, now) = (name.to_string(), segment_source(segment), self.clock());
        self.logged(move |log| log.name(&name, &source, now)).await
    }

    /// Takes note that everything up to a cursor was taken in. After a crash of the server the last second of this may be forgotten.
    ///
    /// # Errors
    /// No such subscription, one that is broken, or a cursor that is not its own.
    pub fn acknowledge(&self, name: &str, cursor: &str) -> Result<(), EngineError> {
        self.live()?.log.acknowledge(name, cursor, self.clock()).map_err(log_error)
    }

    /// Ends a named subscription; whether there was one.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub async fn end_subscription(&self, name: &str) -> Result<bool, EngineError> {
        let name = name.to_string();
        self.logged(move |log| log.unname(&name)).await
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

    async fn logged<T: Send + 'static>(
        &self,
        f: impl FnOnce(&eql_live::ChangeLog) -> Result<T, LogError> + Send + 'static,
    ) -> Result<T, EngineError> {
        let live = self.live()?;
        let done = tokio::task::spawn_blocking(move || f(&live.log)).await;
        done.map_err(|e| internal(e.to_string()))?.map_err(log_error)
    }
}

/// Small documents that are as durable as the change log: for whoever delivers changes.
impl Engine {
    /// Keeps a document; one of that kind and name is replaced.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub async fn keep_document(&self, kind: &str, name: &str, text: String) -> Result<(), EngineError> {
        let (kind, name) = (kind.to_string(), name.to_string());
        self.logged(move |log| log.keep(&kind, &name, &text)).await
    }

    /// The documents of a kind, by name.
    ///
    /// # Errors
    /// A damaged file.
    pub async fn documents(&self, kind: &str) -> Result<Vec<(String, String)>, EngineError> {
        let kind = kind.to_string();
        self.logged(move |log| log.kept(&kind)).await
    }

    /// Forgets a document; whether there was one.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub async fn discard_document(&self, kind: &str, name: &str) -> Result<bool, EngineError> {
        let (kind, name) = (kind.to_string(), name.to_string());
        self.logged(move |log| log.discard(&kind, &name)).await
    }
}
