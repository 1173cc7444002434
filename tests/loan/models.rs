//! A workspace with the loan projections, and its read models as anybody can read them: SQLite files.

use std::path::{Path, PathBuf};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use crate::fold::{Row, Tables};

pub const PROJECTIONS: [&str; 5] = [
    "application_status",
    "offers_by_application",
    "work_in_progress",
    "amount_by_final_status",
    "events_by_day",
];

/// Puts the projections into a workspace.
pub fn write_projections(workspace: &Path) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/loan/projections");
    for name in PROJECTIONS {
        let file = format!("{name}.sql");
        let to = workspace.join("projections").join(&file);
        std::fs::copy(from.join(&file), to).unwrap();
    }
}

fn model(workspace: &Path, projection: &str) -> PathBuf {
    workspace.join(format!("data/read/{projection}.db"))
}

pub fn open(path: &Path) -> Connection {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags).unwrap()
}

/// Every row of a table as the fold writes it.
pub fn rows(workspace: &Path, table: &str) -> Vec<Row> {
    let (projection, table) = table.split_once('.').unwrap();
    let db = open(&model(workspace, projection));
    let mut select = db.prepare(&format!("SELECT * FROM {table}")).unwrap();
    let columns = select.column_count();
    let read = |row: &rusqlite::Row<'_>| {
        (0..columns)
            .map(|column| {
                Ok(match row.get_ref(column)? {
                    ValueRef::Null => "-".to_owned(),
                    ValueRef::Integer(n) => n.to_string(),
                    ValueRef::Text(text) => String::from_utf8(text.to_vec()).unwrap(),
                    other => panic!("{other:?}"),
                })
            })
            .collect()
    };
    let mut rows: Vec<Row> = select
        .query_map([], read)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    rows.sort();
    rows
}

/// Compares every read model with the fold, and names the first row that differs.
pub fn assert_equal(workspace: &Path, expected: Tables) {
    for (table, expected) in expected {
        let found = rows(workspace, table);
        let differs = found.iter().zip(&expected).find(|(a, b)| a != b);
        assert_eq!(differs, None, "{table}: stored row, folded row");
        assert_eq!(found.len(), expected.len(), "{table}: rows");
    }
}
