//! Where the daemon's packets come from: every frame of the interfaces (tap),
//! or the first packets of each session and conntrack's counters (heads).

use std::fs;
use std::os::fd::RawFd;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::Exit;
use super::export::Export;
use super::ports::{Ports, wanted};
use super::resets::Resets;
use super::retry::{self, Retry};
use super::stopper::way;
use crate::config::{Config, SourceKind, StopWay};
use crate::engine::{self, Engine};
use crate::source::netfilter::{Heads, HeadsOptions, Logging, Plan, Seen};
use crate::source::{Error, GATHER, GATHER_TO_ANSWER, LiveOptions, Loss, State};
use crate::time::Time;

/// What there is for one way to watch.
pub enum Intake {
    Tap(Ports),
    Heads(Box<Watch>),
}

impl Intake {
    /// Opens what `config` asks for; what "auto" chose is told with its reason.
    pub fn open(config: &Config, now: Time) -> Result<Intake, Exit> {
        let tap = || Ports::open(&config.capture.interfaces, live_options(config), now).map(Intake::Tap);
        match config.capture.source.0 {
            SourceKind::Tap => tap(),
            SourceKind::Heads => Ok(Intake::Heads(Box::new(Watch::open(config, now)?))),
            SourceKind::Auto if by_resets(config) => {
                log::info!("source: tap, as resets need every frame");
                tap()
            }
            SourceKind::Auto => match why_not_heads().map_or_else(|| Watch::open(config, now), Err) {
                Ok(watch) => {
                    log::info!("source: heads, as this router's kernel has all that they need");
                    Ok(Intake::Heads(Box::new(watch)))
                }
                Err(Error::Input(text)) => Err(Exit::Input(vec![text])),
                Err(Error::Failed(text)) => {
                    log::info!("source: tap, as for heads: {text}");
                    tap()
                }
            },
        }
    }

    /// Whether the rules of heads are in place, in which others have a part.
    pub fn has_heads(&self) -> bool {
        matches!(self, Intake::Heads(_))
    }

    /// Whether it is what `config` asks for.
    pub fn is(&self, config: &Config) -> bool {
        match (self, config.capture.source.0) {
            (Intake::Tap(ports), SourceKind::Tap | SourceKind::Auto) => {
                ports.are(&config.capture.interfaces, &live_options(config))
            }
            (Intake::Heads(watch), SourceKind::Heads | SourceKind::Auto) if !by_resets(config) => {
                heads_options(config).is_ok_and(|options| options == watch.options)
            }
            _ => false,
        }
    }

    /// Lets go of what only one can have, so that another can be opened; this
    /// one comes back by [`Intake::retry`] otherwise.
    pub fn release(&mut self, engine: &mut Engine, now: Time) {
        self.finish(engine, now);
        if let Intake::Heads(watch) = self {
            watch.before = watch.loss();
            watch.heads = None;
            watch.retry = Retry::new(now);
        }
    }

    /// The engine's options, as this way to watch needs them.
    pub fn engine(&self, config: &Config) -> engine::Options {
        let mut options = config.engine();
        if let Intake::Heads(watch) = self {
            // A row is written with the volume to its end.
            options.tcp_over_timeout = options.tcp_over_timeout.max(watch.settled);
            // Flows are counted by their outer addresses only.
            options.wire.tunnels = std::iter::empty().collect();
        }
        options
    }

    /// Whether the engine's options are others now.
    pub fn changes_options(&mut self) -> bool {
        let Intake::Heads(watch) = self else { return false };
        let settled = watch.heads.as_ref().map_or(watch.settled, Heads::settles_after);
        std::mem::replace(&mut watch.settled, settled) != settled
    }

    /// What to wait on, and for how long at most.
    pub fn descriptors(&self) -> Vec<RawFd> {
        match self {
            Intake::Tap(ports) => ports.descriptors().collect(),
            Intake::Heads(watch) => watch.heads.iter().flat_map(Heads::descriptors).collect(),
        }
    }

    pub fn patience(&self, now: Time) -> Duration {
        match self {
            Intake::Tap(_) => Duration::MAX,
            Intake::Heads(watch) => watch.heads.as_ref().map_or(Duration::MAX, |heads| heads.patience(now)),
        }
    }

    /// Hands what is there to `engine`, and by `resets` and to `export`, where there
    /// are some; `true` when there may be more.
    pub fn read(
        &mut self,
        engine: &mut Engine,
        resets: Option<&mut Resets>,
        export: Option<&mut Export>,
        now: Time,
    ) -> bool {
        match self {
            Intake::Tap(ports) => ports.read(engine, resets, export, now),
            Intake::Heads(watch) => watch.read(engine, now),
        }
    }

    /// Tries again what is away, when it is time.
    pub fn retry(&mut self, now: Time) {
        match self {
            Intake::Tap(ports) => ports.retry(now),
            Intake::Heads(watch) => watch.retry(now),
        }
    }

    /// The last that there is to learn before the end.
    pub fn finish(&mut self, engine: &mut Engine, now: Time) {
        if let Intake::Heads(watch) = self
            && let Watch { heads: Some(heads), ifaces, .. } = &mut **watch
        {
            let ifaces = ifaces.iter().map(|name| engine.interface(name)).collect::<Vec<_>>();
            if let Err(error) = heads.finish(&mut |seen| take(engine, &ifaces, now, &seen)) {
                log::warn!("{error}; the last volumes are missing");
            }
        }
    }

    /// The interfaces that are watched.
    pub fn interfaces(&self) -> Vec<&str> {
        match self {
            Intake::Tap(ports) => ports.names().collect(),
            Intake::Heads(watch) => watch.ifaces.iter().map(String::as_str).collect(),
        }
    }

    /// Name, loss so far and what is wrong, of each.
    pub fn status(&mut self) -> Vec<(String, Loss, Option<String>)> {
        match self {
            Intake::Tap(ports) => ports.status(),
            Intake::Heads(watch) => vec![("heads".into(), watch.loss(), watch.trouble())],
        }
    }

    /// Which way it is, and what only this one counts.
    pub fn details(&self) -> Value {
        let mut fields = Map::new();
        fields.insert("way".into(), json!(if matches!(self, Intake::Tap(_)) { "tap" } else { "heads" }));
        if let Intake::Heads(watch) = self {
            fields.insert("interfaces".into(), json!(watch.ifaces));
            for (name, value) in watch.heads.iter().flat_map(Heads::counters) {
                fields.insert(name.into(), value.into());
            }
        }
        Value::Object(fields)
    }
}

/// Heads, which are begun again when they fail.
pub struct Watch {
    heads: Option<Heads>,
    options: HeadsOptions,
    ifaces: Vec<String>,
    /// After this the volume of what has ended is known.
    settled: Duration,
    /// Of those before.
    before: Loss,
    retry: Retry,
    trouble: Option<String>,
}

impl Watch {
    fn open(config: &Config, now: Time) -> Result<Watch, Error> {
        let options = heads_options(config)?;
        let heads = Heads::open(options.clone(), now)?;
        let ifaces = options.plan.interfaces.clone();
        log::info!("{}: watching the first packets of each session, and conntrack", ifaces.join(", "));
        Ok(Watch {
            settled: heads.settles_after(),
            heads: Some(heads),
            options,
            ifaces,
            before: Loss::default(),
            retry: Retry::new(now),
            trouble: None,
        })
    }

    fn read(&mut self, engine: &mut Engine, now: Time) -> bool {
        let Some(heads) = &mut self.heads else { return false };
        let ifaces = self.ifaces.iter().map(|name| engine.interface(name)).collect::<Vec<_>>();
        match heads.read(now, &mut |seen| take(engine, &ifaces, now, &seen)) {
            Ok(state) => state == State::More,
            Err(error) => {
                log::warn!("{error}; trying again every {} s", retry::LONGEST.as_secs());
                self.before = self.loss();
                self.heads = None;
                self.trouble = Some(error.to_string());
                self.retry.failed(now);
                false
            }
        }
    }

    fn retry(&mut self, now: Time) {
        if self.heads.is_some() || !self.retry.is_due(now) {
            return;
        }
        match Heads::open(self.options.clone(), now) {
            Ok(heads) => {
                log::info!("heads: watching again");
                (self.heads, self.trouble) = (Some(heads), None);
                self.retry.went_well();
            }
            Err(error) => {
                self.trouble = Some(error.to_string());
                self.retry.failed(now);
            }
        }
    }

    fn loss(&self) -> Loss {
        let now = self.heads.as_ref().map(Heads::loss).unwrap_or_default();
        Loss { offered: self.before.offered + now.offered, lost: self.before.lost + now.lost }
    }

    fn trouble(&self) -> Option<String> {
        self.trouble.clone().or_else(|| self.heads.as_ref().and_then(Heads::trouble))
    }
}

/// Hands `seen` to `engine`; whether it knew the session.
fn take(engine: &mut Engine, ifaces: &[u16], now: Time, seen: &Seen<'_>) -> bool {
    match *seen {
        Seen::Head { time, iface, src_mac, bytes } => {
            engine.head(time, ifaces[iface], src_mac, bytes);
            true
        }
        Seen::Flow { flow, iface } => engine.flow(now, iface.map(|iface| ifaces[iface]), flow),
    }
}

/// Why "auto" does not even try: a machine that passes nothing on has no use
/// for rules in its firewall.
fn why_not_heads() -> Option<Error> {
    let switches = ["/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding"];
    let forwards = switches.iter().any(|path| fs::read_to_string(path).is_ok_and(|text| text.trim() == "1"));
    (!forwards).then(|| Error::Failed("this machine is no router, it forwards nothing".into()))
}

fn heads_options(config: &Config) -> Result<HeadsOptions, Error> {
    let capture = &config.capture;
    Ok(HeadsOptions {
        plan: plan(config, true)?,
        logging: logging(config),
        buffer: *capture.buffer,
        dump_every: *capture.dump_every,
        max_flows: *capture.max_flows as usize,
    })
}

fn logging(config: &Config) -> Logging {
    let capture = &config.capture;
    Logging {
        group: u16::try_from(*capture.nflog_group).unwrap_or(u16::MAX),
        packets: *capture.head_packets,
        snaplen: *capture.snaplen,
    }
}

/// The rules for nftables that `config` asks for, with what heads need or not.
pub fn plan(config: &Config, heads: bool) -> Result<Plan, Error> {
    let interfaces = wanted(&config.capture.interfaces)?;
    let mark = (way(config) == Some(StopWay::Rules)).then_some(*config.blocking.mark);
    Ok(Plan { interfaces, logging: heads.then(|| logging(config)), mark })
}

fn live_options(config: &Config) -> LiveOptions {
    let capture = &config.capture;
    LiveOptions {
        filter: capture.filter.clone(),
        snaplen: *capture.snaplen,
        buffer: *capture.buffer,
        promiscuous: capture.promiscuous,
        gather: if by_resets(config) { GATHER_TO_ANSWER } else { GATHER },
    }
}

/// Whether what is seen has to be answered.
fn by_resets(config: &Config) -> bool {
    way(config) == Some(StopWay::Resets)
}
