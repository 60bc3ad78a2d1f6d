//! Who is there and how much it moves, for home automation, by MQTT 3.1.1: a
//! retained state for each device, its introduction as Home Assistant reads it
//! ("MQTT Discovery" in its documentation), and whether Weir itself is there.

mod devices;
mod packet;

use std::time::Duration;

use serde_json::{Value as Json, json};

use self::devices::{Devices, News};
use self::packet::{Answer, Connect, DISCONNECT, PING, answer, connect, publish};
use super::link::Link;
use super::{Error, Mqtt, moment};
use crate::record::{Alert, Device, Record};
use crate::store::Store;
use crate::time::Time;

/// A broker takes it for gone after one and a half of this (3.1.2.10).
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// So often it gives a sign of life when there is nothing to say.
const SIGN_EVERY: Duration = Duration::from_secs(30);

/// See the module's text.
pub struct States {
    options: Mqtt,
    link: Link,
    devices: Devices,
    /// Identifier of the last packet that was to be acknowledged.
    id: u16,
    now: Time,
    /// Rows that were taken in of those handed over last, which may come again.
    taken: usize,
    left_out: u64,
}

impl States {
    pub fn new(options: Mqtt) -> States {
        let link = Link::new(options.peer.clone());
        States { options, link, devices: Devices::default(), id: 0, now: Time::ZERO, taken: 0, left_out: 0 }
    }

    fn topic(&self, rest: &str) -> String {
        format!("{}/{rest}", self.options.topic)
    }

    /// Connects if it is not, and says that it is there.
    fn open(&mut self) -> Result<(), Error> {
        if !self.link.open()? {
            return Ok(());
        }
        let welcomed = self.introduce();
        if welcomed.is_err() {
            self.link.close();
        }
        welcomed
    }

    fn introduce(&mut self) -> Result<(), Error> {
        let password = self.options.password.read()?;
        let availability = self.topic("availability");
        let Mqtt { client_id, user, .. } = &self.options;
        let packet = connect(&Connect {
            client_id,
            user: Some(user.as_str()).filter(|user| !user.is_empty()),
            password: password.as_deref(),
            will_topic: &availability,
            will: b"offline",
            keep_alive: KEEP_ALIVE.as_secs() as u16,
        });
        let server = self.options.peer.server.clone();
        let packet = packet.ok_or_else(|| Error::Fatal(format!("{server}: the account is too long")))?;
        self.link.send(&packet)?;
        match self.answer()? {
            Answer::Connected(0) => {}
            Answer::Connected(code) => {
                let why = match code {
                    1 => "it does not speak MQTT 3.1.1",
                    2 => "it does not take the client's name",
                    4 | 5 => "user or password are wrong",
                    _ => "it is not available",
                };
                return Err(Error::Retry(format!("{server}: refused: {why}")));
            }
            other => return Err(Error::Retry(format!("{server}: answered out of turn: {other:?}"))),
        }
        // It may be another broker, or have forgotten what was retained.
        self.devices.untold();
        self.say(&availability, b"online", true)
    }

    fn answer(&mut self) -> Result<Answer, Error> {
        let mut bytes = [0; 4];
        let (head, rest) = bytes.split_at_mut(2);
        self.link.read(head)?;
        if head != [0xd0, 0] {
            self.link.read(rest)?;
        }
        answer(bytes).ok_or_else(|| {
            self.link.close();
            Error::Retry(format!("{}: no answer of MQTT", self.options.peer.server))
        })
    }

    /// Publishes; by QoS 1 it waits until the broker has it.
    fn say(&mut self, topic: &str, payload: &[u8], retain: bool) -> Result<(), Error> {
        let id = (self.options.qos > 0).then(|| {
            self.id = self.id.checked_add(1).unwrap_or(1);
            self.id
        });
        // Too long for MQTT: nobody will ever have it.
        let Some(packet) = publish(topic, payload, retain, id) else { return Ok(()) };
        self.link.send(&packet)?;
        while let Some(id) = id {
            match self.answer()? {
                Answer::Published(one) if one == id => break,
                _ => {}
            }
        }
        Ok(())
    }

    /// Says that it is there, and hears that the broker is.
    fn ping(&mut self) -> Result<(), Error> {
        self.link.send(&PING)?;
        self.answer().map(drop)
    }

    fn tell(&mut self, news: News) -> Result<(), Error> {
        let name = object_id(news.device);
        if news.is_new && !self.options.discovery.is_empty() {
            for (topic, payload) in introductions(&self.options, &news, &name) {
                self.say(&topic, payload.to_string().as_bytes(), true)?;
            }
        }
        let topic = self.topic(&format!("device/{name}/state"));
        self.say(&topic, news.state.to_string().as_bytes(), true)?;
        self.devices.told(news);
        Ok(())
    }

    fn alert(&mut self, alert: &Alert) -> Result<(), Error> {
        let body = json!({
            "time": alert.time.to_string(),
            "kind": alert.kind,
            "severity": alert.severity,
            "device": alert.device.as_ref().map(ToString::to_string),
            "what": alert.what.as_deref(),
            "text": alert.text,
        });
        self.say(&self.topic("alert"), body.to_string().as_bytes(), false)
    }
}

impl Store for States {
    fn write(&mut self, records: &[Record]) -> Result<(), Error> {
        self.open()?;
        // By these alone: a clock that was set forward and back would stay ahead.
        self.now = records.iter().map(moment).max().unwrap_or(self.now);
        // Volumes taken in twice would be twice as much.
        for record in records.get(self.taken..).unwrap_or_default() {
            if let Record::Alert(alert) = record {
                self.alert(alert)?;
            }
            self.left_out += u64::from(!self.devices.add(record));
            self.taken += 1;
        }
        let news = self.devices.news(self.now, self.options.away_after);
        if news.is_empty() {
            // While records come there is no idling.
            self.ping()?;
        }
        news.into_iter().try_for_each(|news| self.tell(news))?;
        self.taken = 0;
        Ok(())
    }

    fn left_out(&mut self) -> u64 {
        std::mem::take(&mut self.left_out)
    }

    fn forget(&mut self) {
        (self.taken, self.left_out) = (0, 0);
    }

    fn patience(&self) -> Option<Duration> {
        Some(SIGN_EVERY)
    }

    /// A sign of life; what comes of it is known at the next write.
    fn idle(&mut self) {
        let _ = self.ping();
    }
}

impl Drop for States {
    fn drop(&mut self) {
        let availability = self.topic("availability");
        // Who takes its leave has no last will (3.1.2.5).
        if self.link.open() == Ok(false) && self.say(&availability, b"offline", true).is_ok() {
            let _ = self.link.send(&DISCONNECT);
        }
    }
}

/// A device's name in topics, where only letters and digits are safe.
fn object_id(device: Device) -> String {
    device.to_string().replace(|char: char| !char.is_ascii_alphanumeric(), "_")
}

/// What Home Assistant is told of a device: its rates and its presence.
fn introductions(options: &Mqtt, news: &News, name: &str) -> [(String, Json); 3] {
    let Mqtt { topic, discovery, .. } = options;
    let state = format!("{topic}/device/{name}/state");
    let called = news.name.as_deref().map_or_else(|| news.device.to_string(), str::to_owned);
    let about = json!({"identifiers": [format!("weir_{name}")], "name": called,
        "manufacturer": news.vendor.as_deref()});
    let with = |part: &str, title: &str, more: Json| {
        let mut config = json!({"name": title, "unique_id": format!("weir_{name}_{part}"), "state_topic": state,
            "availability_topic": format!("{topic}/availability"), "device": about});
        if let (Some(config), Json::Object(more)) = (config.as_object_mut(), more) {
            config.extend(more);
        }
        config
    };
    let rate = |value: &str| {
        json!({"value_template": format!("{{{{ value_json.{value} }}}}"), "device_class": "data_rate",
            "unit_of_measurement": "B/s", "state_class": "measurement"})
    };
    let presence = json!({"value_template": "{{ 'home' if value_json.present else 'not_home' }}",
        "payload_home": "home", "payload_not_home": "not_home", "source_type": "router"});
    [
        (format!("{discovery}/sensor/weir_{name}/down/config"), with("down", "Download", rate("down"))),
        (format!("{discovery}/sensor/weir_{name}/up/config"), with("up", "Upload", rate("up"))),
        (format!("{discovery}/device_tracker/weir_{name}/config"), with("presence", "Presence", presence)),
    ]
}
