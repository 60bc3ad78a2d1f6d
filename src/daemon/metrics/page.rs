//! The page of metrics, in Prometheus' text format 0.0.4.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::{Totals, Volume};

/// The status and the totals as Prometheus reads them.
pub fn text(status: &Value, totals: &Totals) -> String {
    let mut out = Page::default();
    out.info(status);
    out.engine(&status["engine"]);
    out.stages(status);
    out.coverage(&status["coverage"]);
    totals.with(|counters| {
        out.volumes("device", &counters.devices);
        out.volumes("app", &counters.apps);
    });
    out.0
}

/// A page of metrics.
#[derive(Default)]
struct Page(String);

/// What of the engine goes up and down.
const GAUGES: [&str; 6] = ["sessions_open", "streams_open", "questions_open", "names", "devices", "uses"];

impl Page {
    /// Begins a metric.
    fn begin(&mut self, name: &str, kind: &str, help: &str) {
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    /// A value of it. What is no number is left out.
    fn value(&mut self, name: &str, labels: &[(&str, &str)], value: &Value) {
        if !value.is_number() {
            return;
        }
        let labels: Vec<_> =
            labels.iter().map(|(name, value)| format!("{name}=\"{}\"", quoted(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    fn info(&mut self, status: &Value) {
        self.begin("weir_info", "gauge", "The version that runs.");
        let version = status["version"].as_str().unwrap_or_default();
        self.value("weir_info", &[("version", version)], &1.into());
    }

    fn engine(&mut self, engine: &Value) {
        for (name, value) in engine.as_object().into_iter().flatten() {
            let is_gauge = GAUGES.contains(&name.as_str());
            let (kind, end) = if is_gauge { ("gauge", "") } else { ("counter", "_total") };
            let metric = format!("weir_engine_{name}{end}");
            self.begin(&metric, kind, &format!("{} as weir status has it.", name.replace('_', " ")));
            self.value(&metric, &[], value);
        }
    }

    /// What came to each stage and was lost there, and what waits.
    fn stages(&mut self, status: &Value) {
        let list = |name: &str| status[name].as_array().into_iter().flatten();
        let named = |kind: &str, stage: &'_ Value| {
            (format!("{kind}{}", stage["name"].as_str().unwrap_or_default()), stage.clone())
        };
        let mut stages: Vec<(String, Value)> = list("interfaces").map(|stage| named("", stage)).collect();
        stages.push(("store".into(), status["store"].clone()));
        stages.extend(list("outs").map(|stage| named("out ", stage)));
        for (key, kind, help) in [
            ("offered", "counter", "Packets or records that came to a stage."),
            ("lost", "counter", "Those of them that were lost there."),
            ("written", "counter", "Records that a stage wrote."),
            ("waiting", "gauge", "Records that wait at a stage."),
        ] {
            let metric = if kind == "counter" {
                format!("weir_stage_{key}_total")
            } else {
                format!("weir_stage_{key}")
            };
            self.begin(&metric, kind, help);
            for (name, stage) in &stages {
                self.value(&metric, &[("stage", name)], &stage[key]);
            }
        }
    }

    fn coverage(&mut self, lines: &Value) {
        for (key, help) in [
            ("bytes_line", "Bytes that passed an interface, as it counts itself."),
            ("bytes_seen", "Those of them that were read or counted."),
            ("bytes_unnamed", "Those of them without an app or a name."),
        ] {
            let metric = format!("weir_coverage_{key}_total");
            self.begin(&metric, "counter", help);
            for line in lines.as_array().into_iter().flatten() {
                self.value(&metric, &[("iface", line["name"].as_str().unwrap_or_default())], &line[key]);
            }
        }
    }

    fn volumes(&mut self, label: &str, counters: &BTreeMap<String, Volume>) {
        let metric = format!("weir_{label}_bytes_total");
        self.begin(&metric, "counter", &format!("IP-layer bytes by {label} since they are counted here."));
        for (name, volume) in counters {
            self.value(&metric, &[(label, name), ("direction", "in")], &volume.bytes_in.into());
            self.value(&metric, &[(label, name), ("direction", "out")], &volume.bytes_out.into());
        }
    }
}

/// A label's value: backslash, quote and newline with a backslash before them.
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
