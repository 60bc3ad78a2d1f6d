//! A way out as the daemon has it, and rows to send by it.
#![allow(dead_code)]

use std::path::Path;
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use std::time::Duration;

use weir::config::Config;
use weir::record::{Alert, Device, Health, Ids, Mac, Name, Proto, Record, Service, Session, Traffic, short};
use weir::store::out::Out;
use weir::store::rollup::utc;
use weir::store::{Meter, Queue, named_queue};
use weir::time::Time;

use super::common::until;

pub const BEGIN: u64 = 1_780_000_020;

/// An out with its queue and thread, as the daemon has them.
pub struct Way {
    pub queue: Queue,
    thread: JoinHandle<()>,
}

impl Way {
    /// By the settings of one `[[out]]`.
    pub fn open(settings: &str, folder: &Path) -> Way {
        let text = format!("[[out]]\nname = \"x\"\nmax_queue = 100\n{settings}");
        let config = Config::parse(&text, folder).unwrap();
        let [out] = &config.outs[..] else { panic!() };
        Way::of(out)
    }

    pub fn of(out: &Out) -> Way {
        let (queue, writer) = named_queue("out x", out.open(utc).unwrap(), out.max_queue);
        Way { queue, thread: std::thread::spawn(move || drop(writer.hasty().run())) }
    }

    pub fn send(&self, records: &[Record]) {
        self.queue.send(Time::from_secs(BEGIN), records.to_vec());
    }

    pub fn meter(&self) -> Meter {
        self.queue.meter()
    }

    /// All that was sent has been written.
    pub fn written(&self) {
        until("it is written", || self.meter().waiting == 0);
        assert_eq!(self.meter().lost, 0, "{:?}", self.meter());
    }

    /// With nobody at the other end: the queue fills, the rest is lost and counted,
    /// and who sends never waits. `trickle` are records that are sent until the
    /// failure shows.
    pub fn overflows(&self, trickle: &[Record]) {
        until("it is away", || {
            if self.meter().waiting == 0 {
                self.send(trickle);
            }
            self.meter().trouble.is_some()
        });
        let lost = self.meter().lost;
        let (done, ended) = channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                (0..150).for_each(|_| self.send(trickle));
                done.send(()).unwrap();
            });
            ended.recv_timeout(Duration::from_secs(5)).expect("who sends does not wait");
        });
        let meter = self.meter();
        assert_eq!(meter.waiting, 100);
        assert!(meter.lost >= lost + 50 * trickle.len() as u64, "{meter:?}");
        assert_eq!(meter.offered, meter.written + meter.lost + meter.waiting);
    }

    /// Who is away comes back, and gets what waited.
    pub fn comes_back(&self) {
        until("it takes what waited", || self.meter().waiting == 0 && self.meter().trouble.is_none());
        assert_eq!(self.meter().offered, self.meter().written + self.meter().lost);
    }

    pub fn close(self) {
        drop(self.queue);
        self.thread.join().unwrap();
    }
}

pub fn device() -> Device {
    Device::Mac(Mac([2, 0, 0, 0, 0, 7]))
}

pub fn session(number: u16) -> Record {
    let start = Time::from_secs(BEGIN);
    let session = Session {
        id: Ids::default().next(start, u64::from(number) << 53),
        start,
        last: start + Duration::from_secs(30),
        proto: Proto::TCP,
        client: [192, 168, 1, 7].into(),
        client_port: 40_000 + number,
        server: [192, 0, 2, 9].into(),
        server_port: 443,
        client_mac: Some(Mac([2, 0, 0, 0, 0, 7])),
        device: device(),
        iface: "br-lan".into(),
        vlan: None,
        packets_out: 10,
        packets_in: 20,
        bytes_out: 1000 + u64::from(number),
        bytes_in: 30_000,
        tcp_flags_out: 0x1b,
        tcp_flags_in: 0x1b,
        state: "closed",
        rtt_us: Some(900),
        retransmissions: 0,
        host: Some(Name("www.example.com".into())),
        host_source: Some("sni"),
        host_confidence: Some(95),
        names: None,
        app: Some("Tube".into()),
        app_line: Some(3),
        country: None,
        asn: None,
        app_proto: Some("tls"),
        note: None,
        reason: Some("shutdown"),
    };
    session.into()
}

pub fn session_of_ipv6() -> Record {
    let Record::Session(mut row) = session(9) else { panic!() };
    (row.client, row.server) = ("2001:db8::7".parse().unwrap(), "2001:db8::9".parse().unwrap());
    (row.proto, row.reason) = (Proto::UDP, Some("timeout"));
    Record::Session(row)
}

pub fn traffic(minute: u64, app: Option<&str>) -> Record {
    let time = Time::from_secs(BEGIN + 60 * minute);
    let row = Traffic {
        id: Ids::default().next(time, minute << 53),
        time,
        device: device(),
        app: app.map(Into::into),
        bytes_out: 600,
        bytes_in: 6000,
        packets: 20,
        sessions: 1,
        active_seconds: 5,
    };
    row.into()
}

pub fn health(secs: u64) -> Record {
    let time = Time::from_secs(BEGIN + secs);
    let id = Ids::default().next(time, secs);
    Health { id, time, stage: "store".into(), offered: 5, lost: 1, flash_bytes: 0, flash_held: 0 }.into()
}

pub fn alert() -> Record {
    let time = Time::from_secs(BEGIN);
    let row = Alert {
        id: Ids::default().next(time, 0),
        time,
        last: time,
        kind: "new_device",
        severity: 1,
        device: Some(device()),
        src: None,
        dst: None,
        port: None,
        what: None,
        list: None,
        entry: None,
        list_version: None,
        text: "A device was seen for the first time — 新设备".into(),
        count: 1,
    };
    row.into()
}

pub fn service(port: u16, app_proto: &'static str) -> Record {
    let row = Service {
        service: short(format_args!("tcp 192.0.2.9 {port}")),
        proto: Proto::TCP,
        ip: [192, 0, 2, 9].into(),
        port,
        device: None,
        app_proto: Some(app_proto),
        product: Some("nginx".into()),
        version: None,
        host: None,
        title: None,
        banner: Some("220 hello\r\n".into()),
        url: None,
        code: None,
        content_type: None,
        body: None,
        data: None,
        first: Time::from_secs(BEGIN),
        last: Time::from_secs(BEGIN),
    };
    row.into()
}
