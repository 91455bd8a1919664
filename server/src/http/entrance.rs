//! What every request but the health checks passes: where it comes from, who sends it, and for which project.

use super::App;
use super::error::Failure;
use crate::auth::token_of;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

pub(super) async fn guard(State(app): State<App>, request: Request, next: Next) -> Result<Response, Failure> {
    let headers = request.headers();
    if app.auth.open() {
        local(headers, request.uri().host())?;
    } else {
        let known = text(headers, &AUTHORIZATION).and_then(token_of).is_some_and(|token| app.auth.token(&token).is_some());
        if !known {
            return Err(Failure::new(StatusCode::UNAUTHORIZED, "unauthorized", "a token is needed: `authorization: Bearer …`"));
        }
    }
    if let Some(project) = text(headers, &HeaderName::from_static("x-eql-project")).filter(|p| *p != "default") {
        return Err(Failure::new(StatusCode::NOT_FOUND, "not_found", format!("no project `{project}`: there is only `default`")));
    }
    Ok(next.run(request).await)
}

/// Without a token, a page in the user's own browser could reach us: by a form (its origin is another one) or by a name that it lets point here.
fn local(headers: &HeaderMap, target: Option<&str>) -> Result<(), Failure> {
    let refused = |message: &str| Err(Failure::new(StatusCode::FORBIDDEN, "forbidden", message));
    let host = text(headers, &HOST).or(target).unwrap_or_default();
    if !loopback(host) {
        return refused("without a token only requests to localhost are answered: configure `tokens`");
    }
    match text(headers, &ORIGIN) {
        Some(origin) if origin.split_once("://").is_none_or(|(_, o)| o != host) => {
            refused("requests from other sites need a token: configure `tokens`")
        }
        _ => Ok(()),
    }
}

fn loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let address = name.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    name.is_empty() || name.eq_ignore_ascii_case("localhost") || name.ends_with(".localhost") || address
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|v| v.to_str().ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn judged(host: &str, origin: Option<&str>) -> bool {
        let mut headers = HeaderMap::from_iter([(HOST, host.parse().unwrap())]);
        headers.extend(origin.map(|o| (ORIGIN, o.parse().unwrap())));
        local(&headers, None).is_ok()
    }

    #[test]
    fn other_sites_do_not_reach_an_open_server() {
        assert!(judged("127.0.0.1:8080", None) && judged("localhost:8080", None) && judged("[::1]:8080", None));
        assert!(judged("localhost:8080", Some("http://localhost:8080")));
        assert!(!judged("localhost:8080", Some("https://evil.example")) && !judged("localhost:8080", Some("null")));
        assert!(!judged("localhost:8080", Some("http://localhost:3000")));
        assert!(!judged("evil.example:8080", None) && !judged("192.168.0.7", None));
    }
}
