//! What of the configuration each layer gets.

use std::time::Duration;

use super::Config;
use crate::engine::{self, services};
use crate::store::Bounds;
use crate::store::out::Out;
use crate::store::rollup::{Plan, Zone};
use crate::threats::Limits;
use crate::wire;

impl Config {
    /// The store's part of it; days and hours are those of `zone`.
    pub fn bounds(&self, zone: Zone) -> Bounds {
        let Config { store, rollup, .. } = self;
        Bounds {
            keep: Duration::from_secs(u64::from(*store.keep_days) * 86_400),
            max_size: u64::from(*store.max_mb) << 20,
            rollup: Plan {
                minutes: *rollup.minutes,
                hours: *rollup.hours,
                days: *rollup.days,
                months: *rollup.months,
                max_pairs: *rollup.max_pairs,
                share: *rollup.share,
                zone,
            },
            write_budget: u64::from(*store.write_budget) << 20,
        }
    }

    /// What lists may take.
    pub fn list_limits(&self) -> Limits {
        Limits { entries: *self.threats.max_entries as usize, bytes: *self.threats.max_memory as usize }
    }

    /// When there are alerts.
    fn alert_options(&self) -> engine::AlertOptions {
        let alerts = &self.alerts;
        engine::AlertOptions {
            enabled: alerts.enabled,
            per_device: *alerts.per_device,
            per_minute: *alerts.per_minute,
            logins: *alerts.logins,
            logins_span: *alerts.logins_span,
            scan_ports: *alerts.scan_ports,
            scan_hosts: *alerts.scan_hosts,
            scan_span: *alerts.scan_span,
            syn_rate: *alerts.syn_rate,
            udp_rate: *alerts.udp_rate,
            icmp_rate: *alerts.icmp_rate,
            arp_rate: *alerts.arp_rate,
            tunnel_names: *alerts.tunnel_names,
            tunnel_bytes: *alerts.tunnel_bytes,
            tunnel_span: *alerts.tunnel_span,
            tunnel_except: alerts.tunnel_except.clone(),
        }
    }

    /// The engine's part of it.
    pub fn engine(&self) -> engine::Options {
        let Config { capture, sessions, dns, apps, services, store, .. } = self;
        engine::Options {
            wire: wire::Options {
                tunnels: capture.tunnels.0.iter().copied().collect(),
                max_datagrams: *capture.max_datagrams as usize,
                max_fragment_bytes: *capture.max_fragment_bytes as usize,
            },
            // The store gets them only where it is to have them.
            details: store.details || self.outs.iter().any(Out::asks_for_details),
            max_sessions: *sessions.max_sessions as usize,
            tcp_timeout: *sessions.tcp_timeout,
            tcp_handshake_timeout: *sessions.tcp_handshake_timeout,
            tcp_over_timeout: *sessions.tcp_over_timeout,
            udp_timeout: *sessions.udp_timeout,
            report_after: *sessions.report_after,
            report_every: *sessions.report_every,
            max_streams: *sessions.max_streams as usize,
            max_stream_bytes: *sessions.max_stream_bytes as usize,
            max_stream_side: *sessions.max_stream_side as usize,
            max_questions: *dns.max_questions as usize,
            question_timeout: *dns.question_timeout,
            max_names: *dns.max_names as usize,
            name_timeout: *dns.name_timeout,
            max_devices: *sessions.max_devices as usize,
            max_uses: *apps.max_uses as usize,
            app_timeout: *apps.app_timeout,
            services: services::Options {
                which: services.which.0,
                deep: services.deep,
                max: *services.max_services as usize,
                dedup: *services.dedup,
            },
            alerts: self.alert_options(),
        }
    }
}
