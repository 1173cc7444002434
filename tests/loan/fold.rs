//! What the read models must hold: folded from the input line by line, with nothing of the library.

use std::collections::BTreeMap;

use crate::data::Line;

/// One row, each value as text; `-` for none.
pub type Row = Vec<String>;

/// Every table of every projection, its rows in order.
pub type Tables = BTreeMap<&'static str, Vec<Row>>;

#[derive(Default)]
struct Application {
    status: String,
    outcome: Option<String>,
    amount: i64,
    steps: u64,
    submitted: String,
    changed: String,
}

/// The fold of events that stand at positions 1, 2, 3 … of a log.
#[derive(Default)]
pub struct Fold {
    applications: BTreeMap<String, Application>,
    offers: BTreeMap<String, [u64; 6]>,
    items: BTreeMap<(String, String), (&'static str, Option<String>, String)>,
    activities: BTreeMap<String, [u64; 3]>,
    days: BTreeMap<(String, String), (u64, u64)>,
}

impl Fold {
    pub fn of<'a>(lines: impl IntoIterator<Item = (u64, &'a Line)>) -> Self {
        let mut fold = Self::default();
        for (position, line) in lines {
            fold.take(position, line);
        }
        fold
    }

    fn take(&mut self, position: u64, line: &Line) {
        let (kind, rest) = line.event_type.split_once('_').unwrap();
        let day = (line.time[..10].to_owned(), kind.to_owned());
        let (events, last) = self.days.entry(day).or_default();
        *events += 1;
        *last = position;
        match kind {
            "A" => self.application(&rest.to_lowercase(), line),
            "O" => self.offer(rest, line),
            "W" => self.work(rest, line),
            other => panic!("a kind that nobody knows: {other}"),
        }
    }

    fn application(&mut self, status: &str, line: &Line) {
        let application = self
            .applications
            .entry(line.application.clone())
            .or_default();
        if status == "submitted" {
            application.amount = line.amount.unwrap();
            application.submitted.clone_from(&line.time);
        }
        if ["declined", "cancelled", "approved"].contains(&status) {
            application.outcome = Some(status.to_owned());
        }
        status.clone_into(&mut application.status);
        application.steps += 1;
        application.changed.clone_from(&line.time);
    }

    fn offer(&mut self, what: &str, line: &Line) {
        const KINDS: [&str; 6] = [
            "CREATED",
            "SENT",
            "SENT_BACK",
            "ACCEPTED",
            "DECLINED",
            "CANCELLED",
        ];
        let Some(kind) = KINDS.iter().position(|kind| *kind == what) else {
            return;
        };
        if kind == 0 || self.offers.contains_key(&line.application) {
            self.offers.entry(line.application.clone()).or_default()[kind] += 1;
        }
    }

    fn work(&mut self, activity: &str, line: &Line) {
        let item = (line.application.clone(), activity.to_owned());
        let counts = self.activities.entry(activity.to_owned()).or_default();
        let state = match line.transition.as_str() {
            "SCHEDULE" => {
                counts[0] += 1;
                "waiting"
            }
            "START" => {
                counts[1] += 1;
                "in hand"
            }
            _ => {
                counts[2] += 1;
                self.items.remove(&item);
                return;
            }
        };
        self.items
            .insert(item, (state, line.resource.clone(), line.time.clone()));
    }

    /// How many applications met with an outcome, and the money that was asked for.
    pub fn outcome(&self, outcome: Option<&str>) -> (u64, i64) {
        let of = self
            .applications
            .values()
            .filter(|application| application.outcome.as_deref() == outcome);
        of.fold((0, 0), |(n, sum), application| {
            (n + 1, sum + application.amount)
        })
    }

    pub fn tables(&self) -> Tables {
        let none = || "-".to_owned();
        let applications = self.applications.iter().map(|(key, a)| {
            vec![
                key.clone(),
                a.status.clone(),
                a.outcome.clone().unwrap_or_else(none),
                a.amount.to_string(),
                a.steps.to_string(),
                a.submitted.clone(),
                a.changed.clone(),
            ]
        });
        let offers = self
            .offers
            .iter()
            .map(|(key, counts)| with_counts([key], counts));
        let items = self
            .items
            .iter()
            .map(|((key, activity), (state, resource, since))| {
                let resource = resource.clone().unwrap_or_else(none);
                vec![
                    key.clone(),
                    activity.clone(),
                    (*state).to_owned(),
                    resource,
                    since.clone(),
                ]
            });
        let activities = self
            .activities
            .iter()
            .map(|(activity, counts)| with_counts([activity], counts));
        let amounts = ["approved", "cancelled", "declined"]
            .into_iter()
            .map(|outcome| (outcome, self.outcome(Some(outcome))))
            .filter(|(_, (applications, _))| *applications > 0)
            .map(|(outcome, (applications, amount))| {
                vec![
                    outcome.to_owned(),
                    applications.to_string(),
                    amount.to_string(),
                ]
            });
        let open = self
            .applications
            .iter()
            .filter(|(_, a)| a.outcome.is_none())
            .map(|(key, a)| vec![key.clone(), a.amount.to_string()]);
        let days = self
            .days
            .iter()
            .map(|((day, kind), (events, last))| with_counts([day, kind], &[*events, *last]));
        BTreeMap::from([
            ("application_status.applications", applications.collect()),
            ("offers_by_application.offers", offers.collect()),
            ("work_in_progress.items", items.collect()),
            ("work_in_progress.activities", activities.collect()),
            ("amount_by_final_status.amounts", amounts.collect()),
            ("amount_by_final_status.open_applications", open.collect()),
            ("events_by_day.days", days.collect()),
        ])
    }
}

fn with_counts<const N: usize>(words: [&String; N], counts: &[u64]) -> Row {
    let words = words.into_iter().cloned();
    words.chain(counts.iter().map(u64::to_string)).collect()
}
