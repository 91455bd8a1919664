//! `GET /v1/entities/{type}/{key}`, `…/journey`, `…/segments`: one entity by its key, for very many readers.

use super::App;
use super::error::Failure;
use crate::render::write_value;
use axum::extract::{Path, Query, State};
use axum::http::Uri;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use eql_engine::catalog::Value;
use eql_engine::{By, JourneyEvent, JourneyPage, Profile};
use serde::Deserialize;

/// Events of one page at most: an answer is held in memory.
const EVENTS_MAX: usize = 1000;
/// Events of one page where nothing is said.
const EVENTS: usize = 50;

/// `?events=20`: the latest events beside the profile.
#[derive(Deserialize)]
pub(super) struct Beside {
    events: Option<usize>,
    identity: Option<String>,
}

/// `?limit=50&before=…`.
#[derive(Deserialize)]
pub(super) struct Page {
    limit: Option<usize>,
    before: Option<String>,
    identity: Option<String>,
}

/// `?identity=$identity_email`: what stands in place of the key is a value of this identity.
#[derive(Deserialize)]
pub(super) struct Named {
    identity: Option<String>,
}

pub(super) async fn profile(
    State(app): State<App>,
    Path((entity, _)): Path<(String, String)>,
    Query(beside): Query<Beside>,
    uri: Uri,
) -> Result<Response, Failure> {
    let key = key(&app, &entity, &uri, beside.identity.as_deref())?;
    let by = by(&key, beside.identity.as_deref());
    let found = app.engine.profile(&entity, by)?;
    let mut out = Vec::with_capacity(512);
    begin(&found, &mut out);
    if let Some(events) = beside.events {
        let page = app.engine.journey(&entity, by, None, limited(Some(events))?).await?;
        out.push(b',');
        write_page(&page, &mut out);
    }
    out.push(b'}');
    Ok(answer(out))
}

pub(super) async fn journey(
    State(app): State<App>,
    Path((entity, _)): Path<(String, String)>,
    Query(page): Query<Page>,
    uri: Uri,
) -> Result<Response, Failure> {
    let key = key(&app, &entity, &uri, page.identity.as_deref())?;
    let by = by(&key, page.identity.as_deref());
    let page = app.engine.journey(&entity, by, page.before.as_deref(), limited(page.limit)?).await?;
    let mut out = b"{".to_vec();
    write_page(&page, &mut out);
    out.push(b'}');
    Ok(answer(out))
}

pub(super) async fn segments(
    State(app): State<App>,
    Path((entity, _)): Path<(String, String)>,
    Query(named): Query<Named>,
    uri: Uri,
) -> Result<Response, Failure> {
    let key = key(&app, &entity, &uri, named.identity.as_deref())?;
    let names = app.engine.memberships(&entity, by(&key, named.identity.as_deref())).await?;
    let mut out = b"{\"segments\":".to_vec();
    put(&names, &mut out);
    out.push(b'}');
    Ok(answer(out))
}

fn limited(asked: Option<usize>) -> Result<usize, Failure> {
    match asked.unwrap_or(EVENTS) {
        0 => Err(Failure::invalid("at least one event has to be asked for")),
        n if n > EVENTS_MAX => Err(Failure::invalid(format!("at most {EVENTS_MAX} events come at once; ask for more with `before`"))),
        n => Ok(n),
    }
}

/// The values of the key. Those of a composite one are joined by commas, so that a comma inside of a value is written `%2C`: the path is read before
/// anybody decoded it.
fn key(app: &App, entity: &str, uri: &Uri, identity: Option<&str>) -> Result<Vec<String>, Failure> {
    let raw = uri.path().trim_start_matches('/').split('/').nth(3).unwrap_or_default();
    let columns = app.engine.catalog().entity(entity).map_or(1, |e| e.key.len());
    let parts: Vec<&str> = if columns > 1 && identity.is_none() { raw.split(',').collect() } else { vec![raw] };
    parts.into_iter().map(decoded).collect()
}

fn by<'a>(key: &'a [String], identity: Option<&'a str>) -> By<'a> {
    match identity {
        Some(identity) => By::Identity(identity, key.first().map_or("", String::as_str)),
        None => By::Key(key),
    }
}

fn decoded(raw: &str) -> Result<String, Failure> {
    let broken = || Failure::invalid(format!("the key `{raw}` is not percent-encoded UTF-8"));
    let bytes = raw.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] != b'%' {
            out.push(bytes[at]);
            at += 1;
            continue;
        }
        let digits = raw.get(at + 1..at + 3).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        out.push(digits.and_then(|d| u8::from_str_radix(d, 16).ok()).ok_or_else(broken)?);
        at += 3;
    }
    String::from_utf8(out).map_err(|_| broken())
}

fn answer(out: Vec<u8>) -> Response {
    ([(CONTENT_TYPE, "application/json")], out).into_response()
}

/// The profile without its closing brace.
fn begin(found: &Profile, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"entity\":");
    put(&found.entity.name, out);
    out.extend_from_slice(b",\"key\":");
    object(found.entity.key.iter().zip(&found.key).map(|(k, v)| (k.name.as_str(), v)), out);
    out.extend_from_slice(b",\"ordinal\":");
    put(&found.ordinal, out);
    out.extend_from_slice(b",\"properties\":");
    object(found.entity.properties.iter().zip(&found.properties).map(|(p, v)| (p.name.as_str(), v)), out);
    out.extend_from_slice(b",\"extra\":");
    out.extend_from_slice(found.extra.as_deref().unwrap_or("{}").as_bytes());
    if !found.identities.is_empty() {
        out.extend_from_slice(b",\"identities\":");
        identities(&found.identities, out);
    }
    if !found.tags.is_empty() {
        out.extend_from_slice(b",\"tags\":");
        object(found.tags.iter().map(|(name, v)| (name.as_str(), v)), out);
    }
}

/// `"events":[…],"next":…`.
fn write_page(page: &JourneyPage, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\"events\":[");
    for (i, event) in page.events.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write_event(event, out);
    }
    out.extend_from_slice(b"],\"next\":");
    put(&page.next, out);
}

fn write_event(event: &JourneyEvent, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"time\":");
    write_value(&Value::Timestamp(event.time), out);
    out.extend_from_slice(b",\"event\":");
    put(&event.event.name, out);
    out.extend_from_slice(b",\"id\":");
    put(&event.id, out);
    for (name, value) in &event.keys {
        out.push(b',');
        put(name.as_ref(), out);
        out.push(b':');
        write_value(value, out);
    }
    out.extend_from_slice(b",\"properties\":");
    object(event.properties.iter().map(|(name, v)| (name.as_ref(), v)), out);
    if let Some(extra) = &event.extra {
        out.extend_from_slice(b",\"extra\":");
        out.extend_from_slice(extra.as_bytes());
    }
    out.push(b'}');
}

/// Lists of values by identity; the pairs come sorted.
fn identities(pairs: &[(String, String)], out: &mut Vec<u8>) {
    out.push(b'{');
    for (i, of_one) in pairs.chunk_by(|a, b| a.0 == b.0).enumerate() {
        if i > 0 {
            out.push(b',');
        }
        put(&of_one[0].0, out);
        out.push(b':');
        put(&of_one.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>(), out);
    }
    out.push(b'}');
}

fn object<'a>(members: impl Iterator<Item = (&'a str, &'a Value)>, out: &mut Vec<u8>) {
    out.push(b'{');
    for (i, (name, value)) in members.enumerate() {
        if i > 0 {
            out.push(b',');
        }
        put(name, out);
        out.push(b':');
        write_value(value, out);
    }
    out.push(b'}');
}

fn put(value: &(impl serde::Serialize + ?Sized), out: &mut Vec<u8>) {
    // Texts and numbers into memory: nothing here can fail.
    let _ = serde_json::to_writer(out, value);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn keys_are_decoded() {
        assert_eq!(decoded("a%2Cb%20%C3%BC+").unwrap(), "a,b ü+");
        assert!(decoded("%").is_err() && decoded("%4").is_err() && decoded("%zz").is_err() && decoded("%ff").is_err());
    }
}
