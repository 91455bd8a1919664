//! Functions of text that DataFusion lacks, or does without a bound.

use super::by_name;
use super::digest::{md5, sha256};
use super::kernel::{TEXT_BYTES_MAX, each_text, int, kernel, text, text_lists, too_long};
use arrow::array::{Array, ArrayRef, Float64Array, StringArray, StringBuilder};
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::functions_nested::expr_fn as nested;
use datafusion::logical_expr::{Case, Expr as DfExpr, cast, lit};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The function of a name; None when it is none of this page.
pub(super) fn call(name: &str, a: &mut Vec<DfExpr>) -> Result<Option<DfExpr>> {
    let utf8 = || DataType::Utf8;
    let args = std::mem::take(a);
    Ok(Some(match name {
        "repeat" => kernel("repeat", utf8(), args, repeat),
        "lpad" => kernel("lpad", utf8(), args, |a| pad("lpad", a, true)),
        "rpad" => kernel("rpad", utf8(), args, |a| pad("rpad", a, false)),
        "chr" => kernel("chr", utf8(), args, |a| Ok(Arc::new(int(a, 0)?.iter().map(|c| c.and_then(character)).collect::<StringArray>()))),
        "md5" => kernel("md5", utf8(), args, |a| Ok(each_text(text(a, 0)?, |t| Some(md5(t.as_bytes()))))),
        "sha256" => kernel("sha256", utf8(), args, |a| Ok(each_text(text(a, 0)?, |t| Some(sha256(t.as_bytes()))))),
        "hash" => {
            let texts = args.into_iter().map(|e| cast(e, DataType::Utf8)).collect();
            kernel("hash", DataType::Int64, texts, |a| Ok(super::kernel::each_int(text(a, 0)?, |t| Some(hash(t)))))
        }
        "similarity" => kernel("similarity", DataType::Float64, args, |a| {
            let pairs = text(a, 0)?.iter().zip(text(a, 1)?);
            Ok(Arc::new(pairs.map(|(x, y)| Some(similarity(x?, y?))).collect::<Float64Array>()))
        }),
        "split" => kernel("split", text_list(), args, split),
        "split_part" => kernel("split_part", utf8(), args, split_part),
        "regexp_position" => by_name("regexp_instr", args)?,
        "regexp_extract" => extract(args)?,
        "to_hex" => by_name("to_hex", args)?,
        _ => {
            *a = args;
            return Ok(None);
        }
    }))
}

pub(super) fn text_list() -> DataType {
    DataType::new_list(DataType::Utf8, true)
}

fn repeat(a: &[ArrayRef]) -> Result<ArrayRef> {
    let mut out = StringBuilder::new();
    for (t, n) in text(a, 0)?.iter().zip(int(a, 1)?) {
        match (t, n) {
            (Some(t), Some(n)) => {
                let n = usize::try_from(n.max(0)).unwrap_or(usize::MAX);
                if t.len().saturating_mul(n) > TEXT_BYTES_MAX {
                    return Err(too_long("repeat"));
                }
                out.append_value(t.repeat(n));
            }
            _ => out.append_null(),
        }
    }
    Ok(Arc::new(out.finish()))
}

fn pad(name: &str, a: &[ArrayRef], left: bool) -> Result<ArrayRef> {
    let (texts, lengths) = (text(a, 0)?, int(a, 1)?);
    let fills = if a.len() > 2 { Some(text(a, 2)?) } else { None };
    let mut out = StringBuilder::new();
    for i in 0..texts.len() {
        if texts.is_null(i) || lengths.is_null(i) || fills.is_some_and(|f| f.is_null(i)) {
            out.append_null();
            continue;
        }
        let wanted = usize::try_from(lengths.value(i).max(0)).unwrap_or(usize::MAX);
        if wanted > TEXT_BYTES_MAX / 4 {
            return Err(too_long(name));
        }
        let (own, fill) = (texts.value(i), fills.map_or(" ", |f| f.value(i)));
        let have = own.chars().count();
        let filling: String =
            if fill.is_empty() { String::new() } else { fill.chars().cycle().take(wanted.saturating_sub(have)).collect() };
        let kept: String = own.chars().take(wanted).collect();
        out.append_value(if left { filling + &kept } else { kept + &filling });
    }
    Ok(Arc::new(out.finish()))
}

fn character(code: i64) -> Option<String> {
    u32::try_from(code).ok().filter(|c| *c > 0).and_then(char::from_u32).map(String::from)
}

/// The same number for the same text for ever: samples are stored by it.
fn hash(t: &str) -> i64 {
    i64::try_from(xxhash_rust::xxh3::xxh3_64(t.as_bytes()) >> 1).unwrap_or(i64::MAX)
}

/// Shared groups of three letters of all; words are taken with two blanks before and one behind.
fn similarity(a: &str, b: &str) -> f64 {
    let (x, y) = (trigrams(a), trigrams(b));
    let all = x.union(&y).count();
    if all == 0 { 0.0 } else { x.intersection(&y).count() as f64 / all as f64 }
}

fn trigrams(t: &str) -> BTreeSet<[char; 3]> {
    let mut out = BTreeSet::new();
    for word in t.to_lowercase().split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()) {
        let letters: Vec<char> = "  ".chars().chain(word.chars()).chain(" ".chars()).collect();
        out.extend(letters.windows(3).map(|w| [w[0], w[1], w[2]]));
    }
    out
}

fn parts<'t>(t: &'t str, separator: &str) -> Vec<&'t str> {
    if separator.is_empty() { vec![t] } else { t.split(separator).collect() }
}

fn split(a: &[ArrayRef]) -> Result<ArrayRef> {
    let pairs = text(a, 0)?.iter().zip(text(a, 1)?);
    Ok(text_lists(pairs.map(|(t, by)| Some(parts(t?, by?).into_iter().map(|p| Some(p.to_string())).collect::<Vec<_>>()))))
}

fn split_part(a: &[ArrayRef]) -> Result<ArrayRef> {
    let rows = text(a, 0)?.iter().zip(text(a, 1)?).zip(int(a, 2)?);
    let one = |((t, by), n): ((Option<&str>, Option<&str>), Option<i64>)| {
        let (parts, n) = (parts(t?, by?), n?);
        let at = match n {
            1.. => usize::try_from(n - 1).ok(),
            0 => None,
            _ => usize::try_from(n.unsigned_abs()).ok().and_then(|back| parts.len().checked_sub(back)),
        };
        Some(at.and_then(|i| parts.get(i).copied()).unwrap_or("").to_string())
    };
    Ok(Arc::new(rows.map(one).collect::<StringArray>()))
}

/// The first match as a list (all of it, then its groups), of which one member is taken.
fn extract(mut args: Vec<DfExpr>) -> Result<DfExpr> {
    let group = if args.len() > 2 { args.pop() } else { None };
    let pattern = args.pop().unwrap_or_else(|| lit(""));
    let whole = by_name("concat", vec![lit("("), pattern, lit(")")])?;
    args.push(whole);
    let found = by_name("regexp_match", args)?;
    Ok(match group {
        Some(n) => nested::array_element(found, n + lit(1i64)),
        None => {
            let grouped = cast(nested::array_length(found.clone()), DataType::Int64).gt(lit(1i64));
            let first = nested::array_element(found.clone(), lit(2i64));
            let all = nested::array_element(found, lit(1i64));
            DfExpr::Case(Case::new(None, vec![(Box::new(grouped), Box::new(first))], Some(Box::new(all))))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::Int64Array;

    #[test]
    fn alike_texts_share_groups_of_letters() {
        // "  w", " wo", "wor", "ord", "rd " against those of "two" and "words": 4 shared of 11.
        assert!((similarity("word", "two words") - 4.0 / 11.0).abs() < 1e-12);
        assert!((similarity("Same", "same") - 1.0).abs() < 1e-12);
        assert!(similarity("", "") == 0.0);
    }

    #[test]
    fn the_hash_never_changes() {
        assert_eq!(hash(""), (0x2d06800538d394c2u64 >> 1) as i64);
        assert_eq!(hash("u1"), hash("u1"));
        assert!(hash("u1") != hash("u2"));
    }

    #[test]
    fn lists_of_texts_keep_empty_parts() {
        assert_eq!(parts("a,,b", ","), ["a", "", "b"]);
        assert_eq!(parts("", ","), [""]);
        assert_eq!(parts("ab", ""), ["ab"]);
        let list = split(&[Arc::new(StringArray::from(vec![Some("a,b"), None])), Arc::new(StringArray::from(vec![",", ","]))]);
        assert_eq!(list.map(|l| (l.len(), l.is_null(1))).ok(), Some((2, true)));
        let ids = Int64Array::from(vec![65, 0, -1, 0x11_0000]);
        assert_eq!(ids.iter().map(|c| c.and_then(character)).collect::<Vec<_>>(), [Some("A".to_string()), None, None, None]);
    }
}
