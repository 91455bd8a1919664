//! The types of the language.

use serde::{Deserialize, Serialize};

/// The type of a property or a result column.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DataType {
    /// Text, UTF-8.
    String,
    /// True or false.
    Bool,
    /// 64-bit integer; `BIGINT` is the same.
    Int,
    /// 64-bit float.
    Double,
    /// Exact decimal: precision (1 to 38), scale.
    Decimal(u8, i8),
    /// A calendar day.
    Date,
    /// Microseconds since 1970-01-01T00:00Z.
    Timestamp,
    /// A list of one element type.
    List(Box<DataType>),
    /// JSON text.
    Json,
}

impl DataType {
    /// The type named by a word and its arguments, as in `DECIMAL(12, 2)`; None when no such type exists or its arguments are out of range.
    pub fn from_name(name: &str, args: &[u64], element: Option<DataType>) -> Option<DataType> {
        let plain = match name.to_ascii_uppercase().as_str() {
            "STRING" | "TEXT" | "VARCHAR" | "CHAR" | "UUID" => DataType::String,
            "BOOL" | "BOOLEAN" => DataType::Bool,
            "INT" | "BIGINT" | "INTEGER" | "INT64" | "SMALLINT" | "TINYINT" | "LONG" => DataType::Int,
            "DOUBLE" | "FLOAT" | "FLOAT64" | "REAL" => DataType::Double,
            "DATE" => DataType::Date,
            "TIMESTAMP" | "DATETIME" | "TIMESTAMPTZ" => DataType::Timestamp,
            "JSON" => DataType::Json,
            "DECIMAL" | "NUMERIC" => return decimal(args),
            "LIST" | "ARRAY" => return element.map(|e| DataType::List(Box::new(e))),
            _ => return None,
        };
        (args.is_empty() || plain == DataType::String).then_some(plain)
    }

    /// True for INT, DOUBLE and DECIMAL.
    pub fn is_numeric(&self) -> bool {
        matches!(self, DataType::Int | DataType::Double | DataType::Decimal(..))
    }

    /// True for DATE and TIMESTAMP.
    pub fn is_temporal(&self) -> bool {
        matches!(self, DataType::Date | DataType::Timestamp)
    }
}

fn decimal(args: &[u64]) -> Option<DataType> {
    let (p, s) = match args {
        [] => (38, 10),
        [p] => (*p, 0),
        [p, s] => (*p, *s),
        _ => return None,
    };
    (1..=38).contains(&p).then_some(())?;
    (s <= p).then_some(DataType::Decimal(u8::try_from(p).ok()?, i8::try_from(s).ok()?))
}

impl std::fmt::Display for DataType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            DataType::String => f.write_str("STRING"),
            DataType::Bool => f.write_str("BOOLEAN"),
            DataType::Int => f.write_str("BIGINT"),
            DataType::Double => f.write_str("DOUBLE"),
            DataType::Decimal(p, s) => write!(f, "DECIMAL({p},{s})"),
            DataType::Date => f.write_str("DATE"),
            DataType::Timestamp => f.write_str("TIMESTAMP"),
            DataType::List(e) => write!(f, "LIST<{e}>"),
            DataType::Json => f.write_str("JSON"),
        }
    }
}
