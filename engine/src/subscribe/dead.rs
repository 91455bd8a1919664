//! Dead letters: what could not be delivered to a webhook, kept beside the change log until it is sent once more.

use crate::erased::Known;
use crate::rows::internal;
use crate::{Engine, EngineError};
use eql_live::{ChangeLog, LogError};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Letters of one webhook that are kept; the oldest goes first.
const LETTERS_MAX: usize = 1000;

/// What could not be delivered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Its number; later ones have greater numbers.
    pub id: u64,
    /// When the last attempt was: seconds since 1970-01-01T00:00Z.
    pub at: u64,
    /// How often it was tried.
    pub attempts: u32,
    /// What went wrong the last time.
    pub error: String,
    /// The same for the same changes, however often they are sent.
    pub key: String,
    /// What was to be sent: `segment`, and `changes` with the `entity` of each.
    pub body: Value,
}

impl DeadLetter {
    /// Takes out whoever is known no more; whether anything was taken.
    fn forget(&mut self, known: &Known) -> bool {
        let segment = self.body["segment"].as_str().unwrap_or_default().to_string();
        let Some(changes) = self.body.get_mut("changes").and_then(Value::as_array_mut) else { return false };
        let before = changes.len();
        changes.retain(|change| known.is_shown(&segment, &change["entity"]));
        changes.len() < before
    }

    fn is_empty(&self) -> bool {
        self.body["changes"].as_array().is_none_or(Vec::is_empty)
    }
}

impl Engine {
    /// Keeps a letter; one with the same number is replaced. Whoever was erased since is not kept in it, and a letter of nobody else is
    /// none.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub async fn bury(&self, webhook: &str, mut letter: DeadLetter) -> Result<(), EngineError> {
        letter.forget(&Known::of(self.snapshot().await?));
        let (kind, name) = (kind(webhook), number(letter.id));
        let text = serde_json::to_string(&letter).map_err(|e| internal(e.to_string()))?;
        self.logged(move |log| {
            if letter.is_empty() {
                return log.discard(&kind, &name).map(drop);
            }
            log.keep(&kind, &name, &text)?;
            let all = log.kept(&kind)?;
            let surplus = all.len().saturating_sub(LETTERS_MAX);
            all.iter().take(surplus).try_for_each(|(oldest, _)| log.discard(&kind, oldest).map(drop))
        })
        .await
    }

    /// The letters of a webhook, the oldest first.
    ///
    /// # Errors
    /// A damaged file.
    pub async fn dead_letters(&self, webhook: &str) -> Result<Vec<DeadLetter>, EngineError> {
        let kind = kind(webhook);
        self.logged(move |log| letters(log, &kind)).await
    }

    /// Forgets a letter; whether there was one.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub async fn discard_letter(&self, webhook: &str, id: u64) -> Result<bool, EngineError> {
        let (kind, name) = (kind(webhook), number(id));
        self.logged(move |log| log.discard(&kind, &name)).await
    }
}

/// Takes whoever is known no more out of the letters of some webhooks; how many letters were changed or went.
pub(crate) fn forget(log: &ChangeLog, webhooks: &[String], known: &Known) -> Result<u64, LogError> {
    let mut changed = 0;
    for webhook in webhooks {
        let kind = kind(webhook);
        for mut letter in letters(log, &kind)? {
            if !letter.forget(known) {
                continue;
            }
            changed += 1;
            match serde_json::to_string(&letter) {
                Ok(text) if !letter.is_empty() => log.keep(&kind, &number(letter.id), &text)?,
                _ => drop(log.discard(&kind, &number(letter.id))?),
            }
        }
    }
    Ok(changed)
}

fn letters(log: &ChangeLog, kind: &str) -> Result<Vec<DeadLetter>, LogError> {
    Ok(log.kept(kind)?.iter().filter_map(|(_, text)| serde_json::from_str(text).ok()).collect())
}

fn kind(webhook: &str) -> String {
    format!("dead {webhook}")
}

/// Sorts as a text like the number.
fn number(id: u64) -> String {
    format!("{id:020}")
}
