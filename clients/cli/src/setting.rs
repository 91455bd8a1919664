//! `--set k=v` and `--param k=v`.

use crate::failure::Failure;
use eql_engine::Params;
use serde_json::Value;

/// Splits `k=v`, for clap.
pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((k, v)) if !k.trim().is_empty() => Ok((k.trim().to_string(), v.to_string())),
        _ => Err("write it as name=value".to_string()),
    }
}

/// The statement that `--set k=v` stands for.
pub(crate) fn statement(name: &str, value: &str) -> Result<String, Failure> {
    if !name.chars().all(|c| c.is_alphanumeric() || c == '_') {
        return Err(Failure::Usage(format!("`{name}` is no name of a setting")));
    }
    let number = name != "now" && !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    Ok(if number { format!("SET {name} = {value}") } else { format!("SET {name} = '{}'", value.replace('\'', "''")) })
}

/// Parameter values: a number, `true`, `false`, `null`, a JSON list or a JSON text is what it looks like; all else is text.
pub(crate) fn params(pairs: &[(String, String)]) -> Params {
    pairs.iter().map(|(k, v)| (k.trim_start_matches([':', '$']).to_string(), value(v))).collect()
}

fn value(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(Value::Object(_)) | Err(_) => Value::String(text.to_string()),
        Ok(value) => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_become_statements() {
        assert_eq!(statement("now", "2018-01-01").ok().as_deref(), Some("SET now = '2018-01-01'"));
        assert_eq!(statement("threads", "2").ok().as_deref(), Some("SET threads = 2"));
        assert_eq!(statement("time_zone", "it's").ok().as_deref(), Some("SET time_zone = 'it''s'"));
        assert!(matches!(statement("now = 1; DROP", "x"), Err(Failure::Usage(_))));
    }

    #[test]
    fn parameters_are_what_they_look_like() {
        let pairs =
            [("a", "1"), ("$1", "1.50"), (":b", "true"), ("c", "[1,2]"), ("d", "007"), ("e", "New York"), ("f", "{}"), ("g", "\"5\"")];
        let p = params(&pairs.map(|(k, v)| (k.to_string(), v.to_string())));
        assert_eq!(p["a"], serde_json::json!(1));
        assert_eq!(p["b"], serde_json::json!(true));
        assert_eq!(p["c"], serde_json::json!([1, 2]));
        assert_eq!(p["d"], serde_json::json!("007"));
        assert_eq!(p["e"], serde_json::json!("New York"));
        assert_eq!(p["f"], serde_json::json!("{}"));
        assert_eq!(p["g"], serde_json::json!("5"));
        assert!(p.contains_key("1"));
    }

    #[test]
    fn pairs_need_a_name() {
        assert!(pair("=1").is_err() && pair("a").is_err());
        assert_eq!(pair("a=b=c"), Ok(("a".into(), "b=c".into())));
    }
}
