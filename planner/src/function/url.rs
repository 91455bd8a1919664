//! Functions of web addresses.

use super::kernel::{each_int, each_text, kernel, text, text_lists};
use super::text::text_list;
use arrow::array::StringArray;
use arrow::datatypes::DataType;
use datafusion::logical_expr::Expr as DfExpr;
use std::sync::Arc;

/// The function of a name; None when it is none of this page.
pub(super) fn call(name: &str, a: &mut Vec<DfExpr>) -> Option<DfExpr> {
    let args = std::mem::take(a);
    Some(match name {
        "clean_url" => each("clean_url", args, |u| Some(clean(u))),
        "url_protocol" => each("url_protocol", args, |u| parse(u).scheme.map(str::to_ascii_lowercase)),
        "url_host" => each("url_host", args, |u| parse(u).host.map(str::to_lowercase)),
        "url_domain" => each("url_domain", args, domain),
        "url_path" => each("url_path", args, |u| Some(path(u).to_string())),
        "url_query" => each("url_query", args, |u| parse(u).query.map(str::to_string)),
        "url_fragment" => each("url_fragment", args, |u| parse(u).fragment.map(str::to_string)),
        "url_decode" => each("url_decode", args, |u| Some(decode(u, false))),
        "url_encode" => each("url_encode", args, |u| Some(encode(u))),
        "url_port" => kernel("url_port", DataType::Int64, args, |a| Ok(each_int(text(a, 0)?, |u| parse(u).port))),
        "url_param" => kernel("url_param", DataType::Utf8, args, |a| {
            let pairs = text(a, 0)?.iter().zip(text(a, 1)?);
            Ok(Arc::new(pairs.map(|(u, name)| parameter(u?, name?)).collect::<StringArray>()))
        }),
        "url_params" => kernel("url_params", text_list(), args, |a| {
            let names = |u: &str| pairs(u).map(|(name, _)| Some(decode(name, true))).collect::<Vec<_>>();
            Ok(text_lists(text(a, 0)?.iter().map(|u| u.map(names))))
        }),
        _ => {
            *a = args;
            return None;
        }
    })
}

fn each(name: &'static str, args: Vec<DfExpr>, f: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> DfExpr {
    kernel(name, DataType::Utf8, args, move |a| Ok(each_text(text(a, 0)?, &f)))
}

/// An address in its parts.
#[derive(Debug, Default, PartialEq)]
struct Address<'u> {
    scheme: Option<&'u str>,
    host: Option<&'u str>,
    port: Option<i64>,
    path: &'u str,
    query: Option<&'u str>,
    fragment: Option<&'u str>,
}

fn parse(url: &str) -> Address<'_> {
    let (rest, fragment) = cut(url, '#');
    let (rest, query) = cut(rest, '?');
    let scheme =
        |s: &str| s.starts_with(|c: char| c.is_ascii_alphabetic()) && s.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    let (scheme, rest, named) = match rest.split_once("://") {
        Some((s, after)) if scheme(s) => (Some(s), after, true),
        _ => rest.strip_prefix("//").map_or((None, rest, false), |after| (None, after, true)),
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    // Without a scheme the first part is a host when it looks like one.
    if !named && !authority.contains('.') {
        return Address { path: rest, query, fragment, ..Address::default() };
    }
    let host = authority.rsplit_once('@').map_or(authority, |(_, h)| h);
    let (host, port) = match host.rsplit_once(':') {
        Some((h, p)) if !p.ends_with(']') => (h, p.parse().ok()),
        _ => (host, None),
    };
    let host = if host.is_empty() { None } else { Some(host) };
    Address { scheme, host, port, path, query, fragment }
}

fn cut(t: &str, at: char) -> (&str, Option<&str>) {
    t.split_once(at).map_or((t, None), |(a, b)| (a, Some(b)))
}

/// Without query, fragment, and a slash at the end; what is only a slash stays.
fn clean(url: &str) -> String {
    let bare = cut(cut(url, '#').0, '?').0;
    let short = bare.trim_end_matches('/');
    if short.is_empty() { bare.to_string() } else { short.to_string() }
}

fn domain(url: &str) -> Option<String> {
    let host = parse(url).host?.to_lowercase();
    Some(host.strip_prefix("www.").map(str::to_string).unwrap_or(host))
}

fn path(url: &str) -> &str {
    let address = parse(url);
    if address.path.is_empty() && address.host.is_some() { "/" } else { address.path }
}

fn pairs(url: &str) -> impl Iterator<Item = (&str, &str)> {
    let query = parse(url).query.unwrap_or_default();
    query.split('&').filter(|p| !p.is_empty()).map(|p| p.split_once('=').unwrap_or((p, "")))
}

fn parameter(url: &str, name: &str) -> Option<String> {
    pairs(url).find(|(n, _)| decode(n, true) == name).map(|(_, v)| decode(v, true))
}

/// `%XX` as bytes; in queries `+` is a blank. What is not UTF-8 then becomes `�`.
fn decode(t: &str, plus: bool) -> String {
    let bytes = t.as_bytes();
    let digit = |i: usize| bytes.get(i).and_then(|b| char::from(*b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        match (bytes[i], digit(i + 1), digit(i + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push(high * 16 + low);
                i += 2;
            }
            (b'+', _, _) if plus => out.push(b' '),
            (b, _, _) => out.push(b),
        }
        i += 1;
    }
    String::from_utf8(out).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

fn encode(t: &str) -> String {
    let one = |b: u8| match b {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(b).to_string(),
        _ => format!("%{b:02X}"),
    };
    t.bytes().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_falls_into_its_parts() {
        let all = parse("HTTPS://me:pw@Shop.example:8080/a/b?x=1&y=#top");
        assert_eq!((all.scheme, all.host, all.port), (Some("HTTPS"), Some("Shop.example"), Some(8080)));
        assert_eq!((all.path, all.query, all.fragment), ("/a/b", Some("x=1&y="), Some("top")));
        assert_eq!(parse("shop.example/a").host, Some("shop.example"));
        assert_eq!((parse("/a?b").host, parse("/a?b").path), (None, "/a"));
        assert_eq!(parse("//cdn.example/x").host, Some("cdn.example"));
        assert_eq!(parse("http://[::1]:80/").host, Some("[::1]"));
        assert_eq!(parse(""), Address::default());
        assert_eq!((path("https://a.b"), path("https://a.b?x"), path("")), ("/", "/", ""));
    }

    #[test]
    fn parameters_are_decoded() {
        let url = "https://a.b/?q=caf%C3%A9+noir&empty=&flag&q=2";
        assert_eq!(parameter(url, "q").as_deref(), Some("café noir"));
        assert_eq!((parameter(url, "empty").as_deref(), parameter(url, "flag").as_deref()), (Some(""), Some("")));
        assert_eq!(parameter(url, "x"), None);
        assert_eq!((decode("100%", false), decode("%4", false), decode("a+b", false)), ("100%".into(), "%4".into(), "a+b".into()));
        assert_eq!(decode(&encode("a b/ü~"), false), "a b/ü~");
    }

    #[test]
    fn a_clean_address_has_no_tail() {
        assert_eq!(clean("https://a.b/c/?x=1#y"), "https://a.b/c");
        assert_eq!((clean("/"), clean("https://a.b/#/route")), ("/".into(), "https://a.b".into()));
        assert_eq!(domain("https://WWW.a.b/").as_deref(), Some("a.b"));
    }
}
