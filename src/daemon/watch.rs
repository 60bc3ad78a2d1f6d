//! What the daemon does about alerts: lists for the engine, which devices it knows,
//! and telling people.

use serde_json::{Value, json};

use super::lists::{Lists, News};
use super::past::Past;
use super::webhook::Webhook;
use crate::config::Config;
use crate::engine::Engine;
use crate::record::{Device, Record};
use crate::store::Store;
use crate::time::Time;

/// The threads that alerts have, where they have any.
pub struct Watch {
    lists: Option<Lists>,
    webhook: Option<Webhook>,
    /// Of past sessions.
    told: u64,
}

impl Watch {
    pub fn open(config: &Config, now: Time) -> Watch {
        let lists = (!config.threat_lists.is_empty()).then(|| Lists::open(config, true, now));
        Watch { lists, webhook: Webhook::open(&config.alerts), told: 0 }
    }

    /// Takes over another configuration; lists are looked at anew.
    pub fn configure(&mut self, config: &Config, now: Time) {
        match &mut self.lists {
            Some(lists) => lists.configure(config, now),
            None if config.threat_lists.is_empty() => {}
            None => self.lists = Some(Lists::open(config, false, now)),
        }
        if !self.webhook.as_ref().map_or(config.alerts.webhook.is_none(), |it| it.is(&config.alerts)) {
            if let Some(webhook) = self.webhook.take() {
                webhook.close();
            }
            self.webhook = Webhook::open(&config.alerts);
        }
    }

    /// Gives `engine` what has been read, and sends what it told. Alerts about the
    /// past are put into `records`.
    pub fn tick(&mut self, engine: &mut Engine, records: &mut Vec<Record>, now: Time) {
        if let Some(lists) = &mut self.lists {
            lists.tick(now);
        }
        while let Some(news) = self.lists.as_mut().and_then(Lists::news) {
            match news {
                News::Lists(threats) => engine.set_threats(threats),
                News::Past(alert) => {
                    self.told += 1;
                    self.tell(&alert);
                    records.push(Record::Alert(alert));
                }
            }
        }
        for alert in engine.alerts() {
            self.tell(&alert);
        }
    }

    fn tell(&self, alert: &crate::record::Alert) {
        if let Some(webhook) = &self.webhook {
            webhook.send(alert);
        }
    }

    /// For `weir status`.
    pub fn status(&self) -> Value {
        json!({
            "threats": self.lists.as_ref().map(Lists::status),
            "past": self.told,
            "webhook": self.webhook.as_ref().map(Webhook::status),
        })
    }

    pub fn close(self) {
        if let Some(lists) = self.lists {
            lists.close();
        }
        if let Some(webhook) = self.webhook {
            webhook.close();
        }
    }
}

/// The devices in the store, so that only others are news; none where it can't tell.
pub fn known_devices(config: &Config, past: &mut Past<'_>) -> Option<Vec<Device>> {
    if !config.alerts.enabled {
        return None;
    }
    let mut devices = Vec::new();
    let mut each = |text: &str| devices.extend(text.parse::<Device>());
    let read = past.store().and_then(|store| match store {
        Some(store) => Ok(store.devices(&mut each)?),
        None => Ok(()),
    });
    match read {
        Ok(()) => Some(devices),
        Err(exit) => {
            log::warn!("new devices are not told, as those that are known can't be read: {exit}");
            None
        }
    }
}
