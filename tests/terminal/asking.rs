//! Whoever asks the demo's read models throughout, and holds each answer against the log.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard};

use highwater::event::{Position, Timestamp};
use highwater::workspace::{Consistency, Folder, Workspace};
use serde_json::Value;

use super::place::Place;
use super::screen::PATIENCE;
use super::shop::{Shop, values};

/// Every projection with what is asked of it, and whether it is asked for everything that is stored: not
/// of those that wait on purpose.
pub const QUESTIONS: [(&str, &str, &str, bool); 17] = [
    ("activity", "Activity", "", true),
    ("customers", "ListCustomers", "", true),
    ("customers", "NewestCustomers", "", false),
    ("letters", "NewestLetters", "", false),
    ("order_search", "SearchOrders", "words=grinder", true),
    ("orders", "CountByStatus", "", true),
    ("orders", "CountByStatus", "", false),
    ("orders", "ListOrders", "status=placed", true),
    ("orders", "ListOrders", "status=shipped", false),
    ("orders", "GetOrderById", "order_id=", true),
    ("orders", "SearchOrdersByDate", "from_day=", false),
    ("orders_before", "CountBefore", "", false),
    ("parcels@ap", "Waiting", "", false),
    ("parcels@eu", "Waiting", "", true),
    ("parcels@us", "Waiting", "", false),
    ("revenue", "RevenueByDay", "", false),
    ("stock", "AllStock", "", false),
];

/// What whoever asks has seen so far.
#[derive(Default)]
pub struct Seen {
    pub answers: BTreeMap<String, u64>,
    pub versions: BTreeMap<String, String>,
    /// The projection whose file is gone, while it may be said to be unknown; and how often that was so.
    pub gone: Option<&'static str>,
    pub times_gone: u64,
    /// How often that was said.
    pub unknown: u64,
    pub wrong: Vec<String>,
}

#[derive(Default)]
pub struct Witness {
    seen: Mutex<Seen>,
    more: Condvar,
    over: AtomicBool,
}

impl Witness {
    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    /// Waits until what was seen fits. Panics at the first wrong answer.
    #[track_caller]
    pub fn until(&self, what: &str, fits: impl Fn(&Seen) -> bool) {
        let waits = |seen: &mut Seen| seen.wrong.is_empty() && !fits(seen);
        let waited = self.more.wait_timeout_while(self.seen(), PATIENCE, waits);
        let (seen, waited) = waited.unwrap();
        let wrong = seen.wrong.first().cloned();
        drop(seen);
        assert_eq!(wrong, None, "while waiting for {what}");
        assert!(!waited.timed_out(), "this did not come: {what}");
    }

    /// Takes note of an answer by a version, or of what was wrong with it. Before it was asked for, a file had
    /// come or gone so many times.
    fn take(&self, projection: &str, times_gone: u64, checked: Result<String, String>) {
        let mut seen = self.seen();
        let base = projection.split('@').next();
        let is_gone = (seen.gone.is_some() && seen.gone == base) || seen.times_gone != times_gone;
        match checked {
            Ok(version) => {
                *seen.answers.entry(projection.to_owned()).or_default() += 1;
                seen.versions.insert(projection.to_owned(), version);
            }
            Err(wrong) if is_gone && wrong.contains("there is no projection") => seen.unknown += 1,
            Err(wrong) => seen.wrong.push(wrong),
        }
        drop(seen);
        self.more.notify_all();
    }

    /// Waits for some more answers of a projection.
    #[track_caller]
    pub fn answers(&self, projection: &str, more: u64) {
        let goal = self.seen().answers.get(projection).copied().unwrap_or(0) + more;
        let what = format!("{more} more answers of {projection}");
        self.until(&what, |seen| seen.answers.get(projection) >= Some(&goal));
    }
}

/// Ends the asking when it goes, however that comes.
pub struct Over<'a>(pub &'a Witness);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Relaxed);
    }
}

/// An answer, wherever it came from.
pub struct Answer {
    rows: Vec<Value>,
    position: Position,
    version: String,
}

/// Somebody who asks, and checks each answer against the log.
pub struct Asker<'a> {
    witness: &'a Witness,
    log: Workspace,
    folds: BTreeMap<&'static str, Shop>,
    runtime: tokio::runtime::Runtime,
}

fn open(place: &Place) -> Workspace {
    let folder = Folder::existing(&place.workspace()).unwrap();
    Workspace::open(folder, |_, _| Some(highwater::shop::commands())).unwrap()
}

impl<'a> Asker<'a> {
    pub fn new(place: &Place, witness: &'a Witness) -> Self {
        Self {
            witness,
            log: open(place),
            folds: BTreeMap::new(),
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap(),
        }
    }

    /// Asks everything, again and again.
    pub fn run(
        &mut self,
        ask: impl Fn(&Self, &str, &str, &[String], Consistency) -> Result<Answer, String>,
    ) {
        for (projection, query, parameter, strong) in QUESTIONS.into_iter().cycle() {
            if self.witness.over.load(Ordering::Relaxed) {
                return;
            }
            let (parameters, value) = self.parameters(projection, parameter);
            let consistency = match strong {
                true => Consistency::Strong,
                false => Consistency::Eventual,
            };
            let before = self.witness.seen().times_gone;
            let answered = ask(self, projection, query, &parameters, consistency);
            let checked = answered.and_then(|answer| {
                let checked = self.check(projection, query, &value, &answer);
                checked.map(|()| answer.version)
            });
            let checked =
                checked.map_err(|wrong| format!("{projection} {query} {parameters:?}: {wrong}"));
            self.witness.take(projection, before, checked);
        }
    }

    /// The words of a question, and the value that its answer depends on.
    fn parameters(&mut self, projection: &'static str, parameter: &str) -> (Vec<String>, String) {
        match parameter.split_once('=') {
            None => (vec![], String::new()),
            Some(("order_id", _)) => {
                let order = self.folds.entry(projection).or_default().an_order();
                (vec![format!("order_id={order}")], order)
            }
            Some(("from_day", _)) => {
                let today = format!("{:.0}", Timestamp::now())[..10].to_owned();
                let words = ["from_day", "to_day"].map(|name| format!("{name}={today}"));
                (words.to_vec(), today)
            }
            Some((_, value)) => (vec![parameter.to_owned()], value.to_owned()),
        }
    }

    /// Folds the log up to the answer's position, and compares.
    fn check(
        &mut self,
        projection: &'static str,
        query: &str,
        value: &str,
        answer: &Answer,
    ) -> Result<(), String> {
        let log = self.log.log();
        let fold = self.folds.entry(projection).or_default();
        if fold.at > answer.position {
            return Err(format!(
                "it went back from {} to {}",
                fold.at, answer.position
            ));
        }
        while fold.at < answer.position {
            let left = usize::try_from(answer.position.since(fold.at)).unwrap();
            let page = self
                .runtime
                .block_on(log.read_all(fold.at, left.min(500)))
                .unwrap();
            assert!(!page.is_empty(), "the log ends before {}", answer.position);
            page.iter().for_each(|event| fold.take(event));
        }
        let checked = fold.check(query, value, &answer.rows);
        checked.map_err(|wrong| format!("at {} by {}: {wrong}", answer.position, answer.version))
    }
}

/// Through the library, as a service does: the workspace stays open.
pub fn ask_library(
    asker: &Asker<'_>,
    projection: &str,
    query: &str,
    parameters: &[String],
    consistency: Consistency,
) -> Result<Answer, String> {
    let parameters = parameters.iter().map(|word| word.split_once('=').unwrap());
    let parameters = parameters
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    let asked = asker
        .log
        .query(projection, query, &parameters, consistency, PATIENCE);
    let answered = asker.runtime.block_on(asked).map_err(|e| e.to_string())?;
    Ok(Answer {
        rows: values(answered.rows),
        position: answered.position,
        version: answered.version,
    })
}

/// Through the command line: a process a question.
pub fn ask_process(
    place: &Place,
    projection: &str,
    query: &str,
    parameters: &[String],
    consistency: Consistency,
) -> Result<Answer, String> {
    let level = if consistency == Consistency::Strong {
        "strong"
    } else {
        "eventual"
    };
    let mut words = vec!["-w", "shop", "query", projection, query];
    words.extend(parameters.iter().map(String::as_str));
    words.extend(["--consistency", level, "--timeout", "60s", "--json"]);
    let output = place.highwater(&words);
    let said = String::from_utf8(output.stderr).unwrap();
    if !output.status.success() || !said.is_empty() {
        return Err(format!("{}: {said}", output.status));
    }
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    Ok(Answer {
        rows: answer["rows"].as_array().unwrap().clone(),
        position: Position::new(answer["position"].as_u64().unwrap()),
        version: answer["version"].as_str().unwrap().to_owned(),
    })
}
