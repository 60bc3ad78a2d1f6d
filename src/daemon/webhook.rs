//! Alerts, sent to whoever asked for them by a POST. A thread of its own does it: a
//! server may be slow or away.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::{Value, json};

use crate::config::Alerts;
use crate::http::{Body, Url, post};
use crate::record::Alert;

/// Pauses between tries; behind the last try there is none.
const PAUSES: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(15)];

/// What has become of alerts. `offered = sent + lost + waiting`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Meter {
    offered: u64,
    sent: u64,
    lost: u64,
    trouble: Option<String>,
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Meter>>);

impl Shared {
    fn with<T>(&self, work: impl FnOnce(&mut Meter) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The daemon's end.
pub struct Webhook {
    bodies: SyncSender<String>,
    /// Never sent on: its end ends a pause.
    stop: Sender<()>,
    shared: Shared,
    thread: JoinHandle<()>,
    settings: Alerts,
}

impl Webhook {
    /// None where alerts are sent nowhere.
    pub fn open(settings: &Alerts) -> Option<Webhook> {
        let url = settings.webhook.clone()?;
        log::info!("alerts are sent to {}", url.authority());
        let shared = Shared::default();
        let (bodies, waiting) = sync_channel(*settings.webhook_queue as usize);
        let (stop, stopped) = channel();
        let post = Post { url, kind: settings.webhook_type.clone(), timeout: *settings.webhook_timeout };
        let courier = Courier { post, waiting, stopped, is_over: false, shared: shared.clone() };
        let thread = thread::spawn(move || courier.run());
        Some(Webhook { bodies, stop, shared, thread, settings: settings.clone() })
    }

    /// Whether it does what `settings` ask for.
    pub fn is(&self, settings: &Alerts) -> bool {
        let part = |of: &Alerts| {
            let Alerts { webhook, webhook_template, webhook_type, webhook_queue, webhook_timeout, .. } = of;
            (
                webhook.clone(),
                webhook_template.clone(),
                webhook_type.clone(),
                *webhook_queue,
                *webhook_timeout,
            )
        };
        part(&self.settings) == part(settings)
    }

    /// Has `alert` sent; where too many wait it is lost, and counted.
    pub fn send(&self, alert: &Alert) {
        let is_lost = self.bodies.try_send(fill(&self.settings.webhook_template, alert)).is_err();
        self.shared.with(|meter| {
            meter.offered += 1;
            meter.lost += u64::from(is_lost);
        });
    }

    /// For `weir status`.
    pub fn status(&self) -> Value {
        let Meter { offered, sent, lost, trouble } = self.shared.with(|meter| meter.clone());
        let waiting = offered.saturating_sub(sent + lost);
        json!({"offered": offered, "sent": sent, "lost": lost, "waiting": waiting, "trouble": trouble})
    }

    /// What waits is tried once more, until one fails.
    pub fn close(self) {
        drop((self.bodies, self.stop));
        if self.thread.join().is_err() {
            log::error!("the webhook's thread panicked");
        }
    }
}

/// The thread's end.
struct Courier {
    post: Post,
    waiting: Receiver<String>,
    stopped: Receiver<()>,
    is_over: bool,
    shared: Shared,
}

impl Courier {
    fn run(mut self) {
        while let Ok(body) = self.waiting.recv() {
            let sent = self.deliver(&body);
            if let Err(error) = &sent {
                log::warn!("an alert was not sent to {}: {error}", self.post.url.authority());
            }
            self.shared.with(|meter| {
                meter.sent += u64::from(sent.is_ok());
                meter.lost += u64::from(sent.is_err());
                meter.trouble = sent.as_ref().err().map(ToString::to_string);
            });
            if self.is_over && sent.is_err() {
                return;
            }
        }
    }

    fn deliver(&mut self, body: &str) -> io::Result<()> {
        let mut tried = self.post.send(body);
        for pause in PAUSES {
            if tried.is_ok() || self.is_over {
                break;
            }
            self.is_over = self.stopped.recv_timeout(pause) == Err(RecvTimeoutError::Disconnected);
            tried = self.post.send(body);
        }
        tried
    }
}

/// A request, but for its body.
struct Post {
    url: Url,
    /// The body's type.
    kind: String,
    timeout: Duration,
}

impl Post {
    /// Sends `body`; an answer other than success is an error.
    fn send(&self, body: &str) -> io::Result<()> {
        let body = Body { bytes: body.as_bytes(), kind: &self.kind, authorization: None };
        match post(&self.url, &body, self.timeout)? {
            200..=299 => Ok(()),
            status => Err(io::Error::other(format!("the server answered with status {status}"))),
        }
    }
}

/// `template` with what `alert` says in place of the names in double braces. A name
/// that there is none of stays as it is.
fn fill(template: &str, alert: &Alert) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once("{{") {
        out.push_str(before);
        match behind.split_once("}}").and_then(|(name, after)| Some((field(alert, name.trim())?, after))) {
            Some((value, after)) => {
                out.push_str(&inside_json(&value));
                rest = after;
            }
            None => {
                out.push_str("{{");
                rest = behind;
            }
        }
    }
    out.push_str(rest);
    out
}

fn field(alert: &Alert, name: &str) -> Option<String> {
    let text = |value: Option<String>| Some(value.unwrap_or_default());
    match name {
        "id" => Some(alert.id.number().to_string()),
        "kind" => Some(alert.kind.into()),
        "severity" => Some(alert.severity.to_string()),
        "time" => Some(alert.time.to_string()),
        "device" => text(alert.device.map(|device| device.to_string())),
        "src" => text(alert.src.map(|address| address.to_string())),
        "dst" => text(alert.dst.map(|address| address.to_string())),
        "port" => text(alert.port.map(|port| port.to_string())),
        "what" => text(alert.what.as_deref().map(str::to_owned)),
        "list" => text(alert.list.as_deref().map(str::to_owned)),
        "entry" => text(alert.entry.clone()),
        "text" => Some(alert.text.clone()),
        "count" => Some(alert.count.to_string()),
        _ => None,
    }
}

/// As it is written within the quotes of a text of JSON.
fn inside_json(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
