//! What a person sees who opens the address, and what a program reads.

use axum::http::header::CONTENT_TYPE;
use axum::response::{Html, IntoResponse};

pub(super) async fn page() -> Html<&'static str> {
    Html(include_str!("page.html"))
}

pub(super) async fn openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], include_str!("openapi.json"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    #[test]
    fn the_description_is_json_and_the_page_lists_the_same_paths() {
        let openapi: serde_json::Value = serde_json::from_str(include_str!("openapi.json")).unwrap();
        let page = include_str!("page.html");
        for path in openapi["paths"].as_object().unwrap().keys() {
            assert!(page.contains(path.as_str()), "{path} is not on the page");
        }
    }
}
