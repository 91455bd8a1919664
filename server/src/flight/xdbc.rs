//! EQL's types as GetXdbcTypeInfo lists them; Power BI reads no table without it.

use arrow::array::RecordBatch;
use arrow_flight::sql::metadata::{XdbcTypeInfo, XdbcTypeInfoDataBuilder};
use arrow_flight::sql::{CommandGetXdbcTypeInfo, Nullable, Searchable, XdbcDataType as X, XdbcDatetimeSubcode};
use tonic::Status;

pub(super) fn answer(command: CommandGetXdbcTypeInfo) -> Result<RecordBatch, Status> {
    let mut builder = XdbcTypeInfoDataBuilder::new();
    types().into_iter().for_each(|t| builder.append(t));
    let types = builder.build().map_err(Status::from)?;
    command.into_builder(&types).build().map_err(Status::from)
}

fn types() -> Vec<XdbcTypeInfo> {
    let texts = |name: &str| XdbcTypeInfo { case_sensitive: true, searchable: Searchable::Full, ..text(name, X::XdbcVarchar, i32::MAX) };
    let number = |name: &str, data_type: X, size: i32, radix: i32| XdbcTypeInfo {
        unsigned_attribute: Some(false),
        num_prec_radix: Some(radix),
        auto_increment: Some(false),
        ..plain(name, data_type, size)
    };
    let decimal = XdbcTypeInfo {
        create_params: Some(vec!["precision".to_string(), "scale".to_string()]),
        fixed_prec_scale: false,
        minimum_scale: Some(0),
        maximum_scale: Some(38),
        ..number("DECIMAL", X::XdbcDecimal, 38, 10)
    };
    let date = XdbcTypeInfo {
        sql_data_type: X::XdbcDatetime,
        datetime_subcode: Some(XdbcDatetimeSubcode::XdbcSubcodeYear),
        literal_prefix: Some("DATE '".to_string()),
        ..text("DATE", X::XdbcDate, 10)
    };
    let timestamp = XdbcTypeInfo {
        sql_data_type: X::XdbcDatetime,
        datetime_subcode: Some(XdbcDatetimeSubcode::XdbcSubcodeTimestamp),
        literal_prefix: Some("TIMESTAMP '".to_string()),
        minimum_scale: Some(0),
        maximum_scale: Some(6),
        ..text("TIMESTAMP", X::XdbcTimestamp, 32)
    };
    vec![
        texts("STRING"),
        texts("JSON"),
        plain("BOOLEAN", X::XdbcBit, 1),
        number("BIGINT", X::XdbcBigint, 19, 10),
        number("DOUBLE", X::XdbcDouble, 53, 2),
        decimal,
        date,
        timestamp,
        XdbcTypeInfo { searchable: Searchable::None, ..plain("LIST", X::XdbcUnknownType, 0) },
    ]
}

fn plain(name: &str, data_type: X, size: i32) -> XdbcTypeInfo {
    XdbcTypeInfo {
        type_name: name.to_string(),
        data_type,
        sql_data_type: data_type,
        column_size: Some(size),
        nullable: Nullable::NullabilityNullable,
        searchable: Searchable::Basic,
        local_type_name: Some(name.to_string()),
        ..XdbcTypeInfo::default()
    }
}

fn text(name: &str, data_type: X, size: i32) -> XdbcTypeInfo {
    XdbcTypeInfo { literal_prefix: Some("'".to_string()), literal_suffix: Some("'".to_string()), ..plain(name, data_type, size) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn types_can_be_asked_for_one_by_one() {
        assert_eq!(answer(CommandGetXdbcTypeInfo { data_type: None }).unwrap().num_rows(), 9);
        assert_eq!(answer(CommandGetXdbcTypeInfo { data_type: Some(X::XdbcVarchar as i32) }).unwrap().num_rows(), 2);
    }
}
