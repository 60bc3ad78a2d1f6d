//! What the daemon says of itself, each second.

use serde_json::json;

use super::{Daemon, STATUS_EVERY};
use crate::config::Choice;
use crate::daemon::coverage::Total;
use crate::daemon::export::Export;
use crate::daemon::pulse::Pulse;
use crate::source::Loss;
use crate::store::Meter;
use crate::time::Time;

impl Daemon {
    /// Each stage with what came to it and what it lost.
    pub(super) fn stages(&mut self) -> Vec<(String, Loss)> {
        let mut stages: Vec<_> =
            self.intake.status().into_iter().map(|(name, loss, _)| (name, loss)).collect();
        let stats = self.engine.stats();
        let unread = stats.wire.malformed + stats.wire.orphans;
        stages.push(("engine".into(), Loss { offered: stats.wire.frames, lost: unread }));
        stages.extend(self.output.stages());
        stages
    }

    pub(super) fn tell(&mut self, now: Time) {
        self.told_at = now;
        if let Some(export) = &mut self.export {
            export.flush(now);
        }
        let ports: Vec<_> = self.intake.status().into_iter().map(|(name, loss, trouble)| {
            let state = if trouble.is_some() { "away" } else { "up" };
            json!({"name": name, "state": state, "offered": loss.offered, "lost": loss.lost, "trouble": trouble})
        }).collect();
        self.lines.look(self.intake.interfaces().into_iter(), &self.engine);
        let coverage: Vec<_> = self.lines.totals(&self.engine).map(|(name, total)| {
            let Total { line, seen, unnamed } = total;
            // To a tenth; more where what was counted just now was not yet when the interface was asked.
            let percent = |part: u64, whole: u64| (part * 1000).checked_div(whole).map(|tenths| tenths as f64 / 10.0);
            json!({"name": name, "bytes_line": line, "bytes_seen": seen, "bytes_unseen": line.saturating_sub(seen),
                "bytes_unnamed": unnamed, "percent_seen": percent(seen.min(line), line),
                "percent_named": percent(seen.saturating_sub(unnamed), seen)})
        }).collect();
        let Meter { offered, written, lost, waiting, deleted, trouble, wear, place, .. } =
            self.output.queue.meter();
        let mut engine = serde_json::Map::new();
        self.engine.stats().each(&mut |name, value| {
            engine.insert(name.into(), value.into());
        });
        self.recent.forget(now);
        self.feel(now);
        let title = |app: &str| {
            let mut apps = self.rules.apps().iter();
            apps.find(|known| &*known.name == app).and_then(|known| known.chinese.clone())
        };
        self.board.set_recent(|| self.recent.told(now, title), || self.pulse.told());
        self.board.set_status(json!({
            "version": env!("CARGO_PKG_VERSION"),
            "started": self.started.to_string(),
            "now": now.to_string(),
            "config": self.path.as_ref().map(|path| path.display().to_string()),
            "interfaces": ports,
            "source": self.intake.details(),
            "coverage": coverage,
            "blocking": self.stopper.as_ref().map(|stopper| stopper.status(self.config.policies.len())),
            "export": self.export.as_ref().map(Export::status),
            "engine": engine,
            "places": {"looked_up": self.places.counts().looked_up, "failed": self.places.counts().failed},
            "watch": self.watch.status(),
            "features": {"apps": self.rules.apps().len(), "features": self.rules.features()},
            "store": {"kind": self.config.store.kind.0.name(), "offered": offered, "written": written,
                "lost": lost, "waiting": waiting, "deleted": deleted, "trouble": trouble, "place": place.map(|place| place.to_string()),
                "flash_bytes": {"today": wear.today, "yesterday": wear.yesterday, "since_start": wear.total,
                    "budget": wear.budget, "held": wear.held}},
            "outs": self.output.outs.status(),
        }));
    }

    /// Counts what passed since the last look.
    fn feel(&mut self, now: Time) {
        let step = match self.intake.has_heads() {
            true => Pulse::step_of_dumps(*self.config.capture.dump_every),
            false => STATUS_EVERY,
        };
        self.pulse.set_step(step);
        let stats = self.engine.stats();
        self.pulse.count(now, [stats.bytes_in, stats.bytes_out]);
    }
}
