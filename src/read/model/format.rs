//! Whose file it is, and of which format; and a file of an older format brought up to date.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::super::parked;
use super::{MODEL_APPLICATION_ID, MODEL_FORMAT, ModelError, connect, io};

/// A file of the first format gets what it lacks.
pub(super) fn bring_up_to_date(db: &mut Connection) -> rusqlite::Result<()> {
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    parked::create(&transaction)?;
    transaction.pragma_update(None, "user_version", MODEL_FORMAT)?;
    transaction.commit()
}

/// Which format a file of ours has.
pub(super) fn check_format(db: &Connection, path: &Path) -> Result<i32, ModelError> {
    let fail = io(path);
    let id: i32 = db
        .query_row("PRAGMA application_id", [], |row| row.get(0))
        .map_err(&fail)?;
    let format: i32 = db
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(&fail)?;
    if id != MODEL_APPLICATION_ID {
        Err(ModelError::Foreign {
            path: path.to_owned(),
        })
    } else if format > MODEL_FORMAT {
        Err(ModelError::Newer {
            path: path.to_owned(),
            found: format,
        })
    } else {
        Ok(format)
    }
}

/// Whether a file of ours was made to the end. A stranger's file is an error.
pub(super) fn is_complete(path: &Path) -> Result<bool, ModelError> {
    let db = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let tables: i64 = db
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(io(path))?;
    if tables == 0 {
        return Ok(false);
    }
    check_format(&db, path).map(|_| true)
}
