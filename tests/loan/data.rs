//! The real input: 262,200 events of 13,087 loan applications at a Dutch bank (BPI Challenge 2012,
//! doi:10.4121/uuid:3926db30-f712-4394-aebc-75976070e91f), as CloudEvents. It is not part of this
//! repository.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use serde_json::Value;

/// `shared/data/loan.jsonl.gz`, in any folder above this one. Says loudly when it is not there.
pub fn file() -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = here
        .ancestors()
        .map(|above| above.join("shared/data/loan.jsonl.gz"))
        .find(|path| path.is_file());
    if found.is_none() {
        let name = std::thread::current().name().unwrap_or("this").to_owned();
        println!("NOT TESTED: {name} needs shared/data/loan.jsonl.gz in a folder above {here:?}");
        eprintln!("\n*** NOT TESTED: {name}: shared/data/loan.jsonl.gz is absent ***\n");
    }
    found
}

/// The first lines of the input, as they are.
pub fn lines(file: &Path, most: usize) -> Vec<String> {
    let input = BufReader::new(GzDecoder::new(File::open(file).unwrap()));
    input.lines().take(most).map(Result::unwrap).collect()
}

/// One line, read by nothing of ours.
pub struct Line {
    pub id: String,
    pub subject: String,
    /// After the first `-`.
    pub application: String,
    pub event_type: String,
    /// In UTC, to the microsecond.
    pub time: String,
    pub transition: String,
    pub resource: Option<String>,
    pub amount: Option<i64>,
}

impl Line {
    pub fn read(line: &str) -> Self {
        let value: Value = serde_json::from_str(line).unwrap();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let subject = text(&value["subject"]).unwrap();
        let time: jiff::Timestamp = value["time"].as_str().unwrap().parse().unwrap();
        Self {
            id: text(&value["id"]).unwrap(),
            application: subject.split_once('-').unwrap().1.to_owned(),
            subject,
            event_type: text(&value["type"]).unwrap(),
            time: format!("{time:.6}"),
            transition: text(&value["data"]["transition"]).unwrap(),
            resource: text(&value["data"]["resource"]),
            amount: value["data"]["amount_req"].as_i64(),
        }
    }
}
