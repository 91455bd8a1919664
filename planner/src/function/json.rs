//! Functions of JSON.

use super::kernel::{kernel, text, text_lists};
use super::text::text_list;
use arrow::array::{Array, ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray};
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::Expr as DfExpr;
use serde_json::Value;
use std::sync::Arc;

/// The function of a name; None when it is none of this page.
pub(super) fn call(name: &str, a: &mut Vec<DfExpr>) -> Option<DfExpr> {
    let args = std::mem::take(a);
    Some(match name {
        "json_get" => kernel("json_get", DataType::Utf8, args, |a| {
            Ok(Arc::new(found(a, |v| Some(v.to_string()))?.into_iter().collect::<StringArray>()))
        }),
        "json_text" => kernel("json_text", DataType::Utf8, args, |a| Ok(Arc::new(found(a, plain)?.into_iter().collect::<StringArray>()))),
        "json_int" => kernel("json_int", DataType::Int64, args, |a| Ok(Arc::new(found(a, whole)?.into_iter().collect::<Int64Array>()))),
        "json_double" => {
            kernel("json_double", DataType::Float64, args, |a| Ok(Arc::new(found(a, double)?.into_iter().collect::<Float64Array>())))
        }
        "json_bool" => {
            kernel("json_bool", DataType::Boolean, args, |a| Ok(Arc::new(found(a, truth)?.into_iter().collect::<BooleanArray>())))
        }
        "json_length" => {
            kernel("json_length", DataType::Int64, args, |a| Ok(Arc::new(found(a, length)?.into_iter().collect::<Int64Array>())))
        }
        "json_type" => {
            kernel("json_type", DataType::Utf8, args, |a| Ok(Arc::new(found(a, |v| Some(kind(v)))?.into_iter().collect::<StringArray>())))
        }
        "json_list" => kernel("json_list", text_list(), args, |a| Ok(text_lists(found(a, members)?.into_iter()))),
        "json_keys" => kernel("json_keys", text_list(), args, |a| Ok(text_lists(found(a, keys)?.into_iter()))),
        "json_valid" => kernel("json_valid", DataType::Boolean, args, valid),
        _ => {
            *a = args;
            return None;
        }
    })
}

fn valid(a: &[ArrayRef]) -> Result<ArrayRef> {
    let one = |t: &str| serde_json::from_str::<Value>(t).is_ok();
    Ok(Arc::new(text(a, 0)?.iter().map(|t| t.map(one)).collect::<BooleanArray>()))
}

/// What `f` makes of the value at the path of each row; None where there is none.
fn found<T>(a: &[ArrayRef], f: impl Fn(&Value) -> Option<T>) -> Result<Vec<Option<T>>> {
    let json = text(a, 0)?;
    let paths = if a.len() > 1 { Some(text(a, 1)?) } else { None };
    let mut known: Option<(String, Vec<Step>)> = None;
    let mut out = Vec::with_capacity(json.len());
    for (i, t) in json.iter().enumerate() {
        let path = paths.map(|p| p.is_valid(i).then(|| p.value(i)));
        let root = match (t, path) {
            (None, _) | (_, Some(None)) => None,
            (Some(t), _) => serde_json::from_str::<Value>(t).ok(),
        };
        let (Some(root), path) = (root, path.flatten()) else {
            out.push(None);
            continue;
        };
        // The path is mostly the same for all rows: it is taken apart once.
        if let Some(p) = path.filter(|p| known.as_ref().is_none_or(|(k, _)| k != p)) {
            known = Some((p.to_string(), steps(p)));
        }
        let at = match (path, &known) {
            (Some(p), Some((_, steps))) => root.get(p).or_else(|| steps.iter().try_fold(&root, |v, s| s.of(v))),
            _ => Some(&root),
        };
        out.push(at.and_then(&f));
    }
    Ok(out)
}

/// A step into a value.
#[derive(Debug, PartialEq)]
enum Step {
    Key(String),
    Index(i64),
    /// A path that cannot be read leads nowhere.
    Nowhere,
}

impl Step {
    fn of<'v>(&self, v: &'v Value) -> Option<&'v Value> {
        match self {
            Step::Key(k) => v.get(k),
            Step::Index(i) => {
                let all = v.as_array()?;
                let at = if *i < 0 { all.len().checked_sub(usize::try_from(i.unsigned_abs()).ok()?)? } else { usize::try_from(*i).ok()? };
                all.get(at)
            }
            Step::Nowhere => None,
        }
    }
}

/// `a.b[0]`, `$.a.b[0]`, `a['b.c']`.
fn steps(path: &str) -> Vec<Step> {
    let mut out = Vec::new();
    let mut rest = path.strip_prefix('$').unwrap_or(path);
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('[') {
            let quote = inside.chars().next().filter(|c| matches!(c, '\'' | '"'));
            let (word, after) = match quote {
                Some(q) => inside[1..].split_once(&format!("{q}]")).unwrap_or((inside, "")),
                None => inside.split_once(']').unwrap_or((inside, "")),
            };
            out.push(match quote {
                Some(_) => Step::Key(word.to_string()),
                None => word.trim().parse().map_or(Step::Nowhere, Step::Index),
            });
            rest = after;
            continue;
        }
        rest = rest.strip_prefix('.').unwrap_or(rest);
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        if end == 0 {
            out.push(Step::Nowhere);
            break;
        }
        out.push(Step::Key(rest[..end].to_string()));
        rest = &rest[end..];
    }
    out
}

fn plain(v: &Value) -> Option<String> {
    match v {
        Value::Null => None,
        Value::String(s) => Some(s.clone()),
        other => Some(other.to_string()),
    }
}

fn whole(v: &Value) -> Option<i64> {
    match v {
        Value::Number(n) => n.as_i64().or_else(|| n.as_f64().filter(|d| d.fract() == 0.0 && d.abs() < 9e15).map(|d| d as i64)),
        Value::String(s) => s.trim().parse().ok(),
        _ => None,
    }
}

fn double(v: &Value) -> Option<f64> {
    match v {
        Value::Number(n) => n.as_f64(),
        Value::String(s) => s.trim().parse::<f64>().ok().filter(|d| d.is_finite()),
        _ => None,
    }
}

fn truth(v: &Value) -> Option<bool> {
    match v {
        Value::Bool(b) => Some(*b),
        Value::String(s) => s.trim().to_ascii_lowercase().parse().ok(),
        _ => None,
    }
}

fn length(v: &Value) -> Option<i64> {
    let n = match v {
        Value::Array(a) => a.len(),
        Value::Object(o) => o.len(),
        _ => return None,
    };
    i64::try_from(n).ok()
}

fn members(v: &Value) -> Option<Vec<Option<String>>> {
    v.as_array().map(|a| a.iter().map(plain).collect())
}

fn keys(v: &Value) -> Option<Vec<Option<String>>> {
    v.as_object().map(|o| o.keys().map(|k| Some(k.clone())).collect())
}

fn kind(v: &Value) -> String {
    match v {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_apart() {
        let key = |k: &str| Step::Key(k.to_string());
        assert_eq!(steps("$.a.b[0][-1]"), [key("a"), key("b"), Step::Index(0), Step::Index(-1)]);
        assert_eq!(steps("a['b.c'].d"), [key("a"), key("b.c"), key("d")]);
        assert_eq!(steps("$"), []);
        assert_eq!(steps("a..b"), [key("a"), Step::Nowhere]);
        assert_eq!(steps("a[x]"), [key("a"), Step::Nowhere]);
        assert_eq!(steps("a["), [key("a"), Step::Nowhere]);
    }
}
