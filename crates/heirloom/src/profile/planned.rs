//! What a sync would do, told step by step.

use super::totals::Totals;
use crate::report::{Message, Report as Port};
use model::ObjectKey;
use plan::sync::{Action, Change, Plan, Side, Written};
use serde::Serialize;
use std::fmt;
use sync::Route;

/// Says what a sync of a route would do: a headline, a line for each step, and what it comes to.
pub(crate) fn tell(port: &Port, route: &Route, plan: &Plan) {
    let route = route.name();
    port.say(&Headline { route: &route, is_empty: plan.is_empty() });
    if plan.is_empty() {
        return;
    }
    let say = |step: Step<'_>, text: String| port.say(&Told { route: &route, step, text });
    for conflict in &plan.conflicts {
        let step = Step { to: Some(conflict.copy.as_str()), ..Step::new("conflict", &conflict.key) };
        say(step, conflict.to_string());
    }
    for one in &plan.moves {
        let step =
            Step { side: Some(one.side.name()), to: Some(one.to.as_str()), ..Step::new("move", &one.from) };
        say(step, one.to_string());
    }
    for action in &plan.actions {
        say(Step::of(action), action.to_string());
    }
    for (key, left) in &plan.left {
        say(Step::new("leave", key), format!("leave {key}: {left}"));
    }
    port.say(&InAll { route: &route, totals: Totals::of(plan) });
}

#[derive(Serialize)]
struct Headline<'a> {
    route: &'a str,
    #[serde(skip)]
    is_empty: bool,
}

impl Message for Headline<'_> {
    const TYPE: &'static str = "plan";
}

impl fmt::Display for Headline<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest = if self.is_empty { " nothing to do" } else { "" };
        write!(f, "{}:{rest}", self.route)
    }
}

/// One line of a plan.
#[derive(Serialize)]
struct Told<'a> {
    route: &'a str,
    #[serde(flatten)]
    step: Step<'a>,
    #[serde(skip)]
    text: String,
}

#[derive(Serialize)]
struct Step<'a> {
    #[serde(rename = "step")]
    what: &'static str,
    path: &'a str,
    /// Which side is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    side: Option<&'static str>,
    /// The name that it gets.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'a str>,
    /// How much is to be sent or received.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
}

impl<'a> Step<'a> {
    fn new(what: &'static str, key: &'a ObjectKey) -> Self {
        Self { what, path: key.as_str(), side: None, to: None, bytes: None }
    }

    fn of(action: &'a Action) -> Self {
        let (what, bytes) = match (&action.change, action.side) {
            (Change::Write(Written(node)), Side::Local) => ("download", Some(node.size)),
            (Change::Write(Written(node)), Side::Remote) => ("upload", Some(node.size)),
            (Change::SetMeta(_), _) => ("update", None),
            (Change::Delete, _) => ("delete", None),
        };
        Self { side: Some(action.side.name()), bytes, ..Self::new(what, &action.key) }
    }
}

impl Message for Told<'_> {
    const TYPE: &'static str = "step";
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[derive(Serialize)]
struct InAll<'a> {
    route: &'a str,
    #[serde(flatten)]
    totals: Totals,
}

impl Message for InAll<'_> {
    const TYPE: &'static str = "totals";
}

impl fmt::Display for InAll<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "in all: {}", self.totals)
    }
}
