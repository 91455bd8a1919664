//! Tickets: opaque, signed, and gone after a while. A ticket names a planned statement that the server keeps; the signature makes guessing pointless and
//! lets a forged one be told from one that has run out.

use crate::auth::{NoRandomness, random};
use moka::sync::Cache;
use ring::hmac;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long a client may take from the plan to the rows.
const LIFE: Duration = Duration::from_secs(600);
/// Statements planned and not yet gone; 64 MiB of texts.
const PLANNED_BYTES: u64 = 64 << 20;
const ID: usize = 16;
const EXPIRY: usize = 8;
/// First byte, so that a later form can be told from this one.
const VERSION: u8 = 1;

/// Why a ticket gives nothing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TicketError {
    /// Not made by this process.
    #[error("the ticket is not one of this server: ask for a new one with GetFlightInfo")]
    Forged,
    /// Too old, cancelled, or pushed out.
    #[error("the ticket has expired: ask for a new one with GetFlightInfo")]
    Expired,
}

/// The tickets of one process.
pub(crate) struct Tickets<T: Clone + Send + Sync + 'static> {
    key: hmac::Key,
    planned: Cache<[u8; ID], Arc<T>>,
}

impl<T: Clone + Send + Sync + 'static> Tickets<T> {
    /// `weigh` gives the bytes a plan holds.
    pub(crate) fn new(weigh: impl Fn(&T) -> usize + Send + Sync + 'static) -> Result<Self, NoRandomness> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &random::<32>()?);
        let weigher = move |_: &[u8; ID], plan: &Arc<T>| u32::try_from(weigh(plan).saturating_add(512)).unwrap_or(u32::MAX);
        let planned = Cache::builder().weigher(weigher).max_capacity(PLANNED_BYTES).time_to_live(LIFE).build();
        Ok(Self { key, planned })
    }

    /// Keeps a plan and gives the ticket for it.
    pub(crate) fn issue(&self, plan: T) -> Result<Vec<u8>, NoRandomness> {
        let id = random::<ID>()?;
        self.planned.insert(id, Arc::new(plan));
        Ok(self.sign(id, now() + LIFE.as_secs()))
    }

    fn sign(&self, id: [u8; ID], expiry: u64) -> Vec<u8> {
        let mut ticket = vec![VERSION];
        ticket.extend_from_slice(&id);
        ticket.extend_from_slice(&expiry.to_be_bytes());
        let tag = hmac::sign(&self.key, &ticket);
        ticket.extend_from_slice(tag.as_ref());
        ticket
    }

    /// The plan of a ticket.
    pub(crate) fn redeem(&self, ticket: &[u8]) -> Result<Arc<T>, TicketError> {
        self.planned.get(&self.id(ticket)?).ok_or(TicketError::Expired)
    }

    /// Forgets the plan of a ticket.
    pub(crate) fn revoke(&self, ticket: &[u8]) {
        if let Ok(id) = self.id(ticket) {
            self.planned.invalidate(&id);
        }
    }

    fn id(&self, ticket: &[u8]) -> Result<[u8; ID], TicketError> {
        let (signed, tag) = ticket.split_at_checked(1 + ID + EXPIRY).ok_or(TicketError::Forged)?;
        hmac::verify(&self.key, signed, tag).map_err(|_| TicketError::Forged)?;
        let id: [u8; ID] = signed[1..=ID].try_into().map_err(|_| TicketError::Forged)?;
        let expiry: [u8; EXPIRY] = signed[1 + ID..].try_into().map_err(|_| TicketError::Forged)?;
        if u64::from_be_bytes(expiry) < now() { Err(TicketError::Expired) } else { Ok(id) }
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn tickets() -> Tickets<String> {
        Tickets::new(String::len).unwrap()
    }

    #[test]
    fn a_ticket_gives_its_plan_until_it_is_revoked() {
        let tickets = tickets();
        let ticket = tickets.issue("FROM user".to_string()).unwrap();
        assert_eq!(*tickets.redeem(&ticket).unwrap(), "FROM user");
        assert_eq!(*tickets.redeem(&ticket).unwrap(), "FROM user", "a ticket may be used again");
        tickets.revoke(&ticket);
        assert_eq!(tickets.redeem(&ticket), Err(TicketError::Expired));
    }

    #[test]
    fn no_changed_byte_passes() {
        let tickets = tickets();
        let ticket = tickets.issue("FROM user".to_string()).unwrap();
        for at in 0..ticket.len() {
            let mut forged = ticket.clone();
            forged[at] ^= 1;
            assert_eq!(tickets.redeem(&forged), Err(TicketError::Forged));
        }
        for length in 0..ticket.len() {
            assert_eq!(tickets.redeem(&ticket[..length]), Err(TicketError::Forged));
        }
        assert_eq!(self::tickets().redeem(&ticket), Err(TicketError::Forged), "another process has another key");
    }

    #[test]
    fn an_old_ticket_is_told_from_a_forged_one() {
        let tickets = tickets();
        let old = tickets.sign([0; ID], now() - 1);
        assert_eq!(tickets.redeem(&old), Err(TicketError::Expired));
    }
}
