//! What the control socket answers. Here to be read and set by the daemon's
//! thread; asked by the socket's, so that packets never wait for it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use signal_hook::consts::SIGHUP;

use super::clock::Clock;
use super::door::{Door, No, Pass, Role, TICKET_FOR, Voucher, asked};
#[cfg(feature = "desk")]
use super::edit::{COMMANDS, Editor};
use super::export::{MAX_ANSWER, Wanted, extract};
use super::features;
use super::people::{self, People};
use crate::config::Config;
use crate::record::Device;
use crate::rules::Rules;
use crate::time::Time;

/// A longer features.txt is not looked at.
const MAX_FEATURES_TEXT: usize = 1 << 20;

/// Mistakes told at once.
const MAX_MISTAKES: usize = 100;

/// How many times [`Board::set_recent`] is wanted after somebody asked.
const KEEP_TELLING: u32 = 30;

/// Devices that wait to be forgotten.
const MAX_PURGES: usize = 64;

/// What the daemon says of itself; it writes it, the socket reads it out.
#[derive(Clone, Default)]
pub struct Board(Arc<Shared>);

#[derive(Default)]
struct Shared {
    status: Mutex<Value>,
    recent: Mutex<Value>,
    pulse: Mutex<Value>,
    /// Where packets are exported to.
    export: Mutex<Option<PathBuf>>,
    /// What was not taken over at the last reload.
    trouble: Mutex<Value>,
    wanted: AtomicU32,
    max_features: AtomicU32,
    people: Mutex<People>,
    /// Devices of which nothing is to be kept.
    purges: Mutex<Vec<Device>>,
}

fn set(place: &Mutex<Value>, value: Value) {
    *place.lock().unwrap_or_else(PoisonError::into_inner) = value;
}

fn get(place: &Mutex<Value>) -> Value {
    place.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

impl Board {
    pub fn set_status(&self, status: Value) {
        set(&self.0.status, status);
    }

    pub fn status(&self) -> Value {
        get(&self.0.status)
    }

    /// What the files that were read anew could not do; null when they did all.
    pub fn set_trouble(&self, trouble: Value) {
        set(&self.0.trouble, trouble);
    }

    pub fn set_export(&self, folder: Option<PathBuf>) {
        *self.0.export.lock().unwrap_or_else(PoisonError::into_inner) = folder;
    }

    /// Sets what the busiest are and what passes, if anybody asked for it lately.
    pub fn set_recent(&self, recent: impl FnOnce() -> Value, pulse: impl FnOnce() -> Value) {
        let wanted = &self.0.wanted;
        let (recent, pulse) = match wanted.load(Ordering::Relaxed) {
            0 => (Value::Null, Value::Null),
            left => {
                wanted.store(left - 1, Ordering::Relaxed);
                (recent(), pulse())
            }
        };
        set(&self.0.recent, recent);
        set(&self.0.pulse, pulse);
    }

    pub fn set_max_features(&self, most: u32) {
        self.0.max_features.store(most, Ordering::Relaxed);
    }

    /// What people say of devices, for as long as `work` takes.
    pub fn people<T>(&self, work: impl FnOnce(&mut People) -> T) -> T {
        work(&mut self.0.people.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The devices that shall be forgotten, once each.
    pub fn take_purges(&self) -> Vec<Device> {
        std::mem::take(&mut self.0.purges.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Answers one question after the other.
pub struct Answers {
    board: Board,
    door: Door,
    clock: Clock,
    #[cfg(feature = "desk")]
    editor: Option<Editor>,
}

impl Answers {
    /// `password` is the file of the pages' password.
    pub fn new(board: Board, password: PathBuf) -> Answers {
        let mut door = Door::new(password);
        if !door.has_password() {
            log::info!(
                "the pages have no password: set one there by the code {}, or weir passwd",
                door.code()
            );
        }
        Answers {
            board,
            door,
            clock: Clock::new(),
            #[cfg(feature = "desk")]
            editor: None,
        }
    }

    #[cfg(not(feature = "desk"))]
    pub fn editing(self, _: Option<&Path>, _: &Config) -> Answers {
        self
    }

    /// Lets who is signed in change the files of `config`, which was read from `path`.
    #[cfg(feature = "desk")]
    pub fn editing(self, path: Option<&Path>, config: &Config) -> Answers {
        Answers { editor: Some(Editor::new(path, config)), ..self }
    }

    pub fn answer(&mut self, question: &Value) -> Value {
        let text = |name: &str| question[name].as_str().unwrap_or_default();
        let now = self.clock.running();
        match text("command") {
            "status" => get(&self.board.0.status),
            "now" if question["pulse"] == true => self.pulse(),
            "now" => self.now(),
            "packets" => self.packets(question),
            "check" => check(text("features"), self.board.0.max_features.load(Ordering::Relaxed)),
            "reload" => match signal_hook::low_level::raise(SIGHUP) {
                Ok(()) => json!({"done": true}),
                Err(error) => json!({"error": error.to_string()}),
            },
            "door" => {
                let session = self.door.session(text("session"), now).map_or(Value::Null, told);
                let mut told = json!({"password": self.door.has_password(), "session": session});
                if let Some(token) = question["bearer"].as_str() {
                    told["bearer"] = self.door.keys().opens(token, self.clock.read().0).into();
                }
                told
            }
            command if asked::COMMANDS.contains(&command) => {
                asked::answer(&mut self.door, question, now, self.clock.read().0).unwrap_or_else(refusal)
            }
            "ticket" => json!({"ticket": self.door.ticket(now), "seconds": TICKET_FOR.as_secs()}),
            "redeem" => outcome(self.door.redeem(text("ticket"), now)),
            "sign_in" => outcome(self.door.sign_in(text("password"), text("from"), now)),
            "sign_out" => {
                let everywhere = question["everywhere"] == true;
                match self.door.sign_out(text("session"), text("csrf"), everywhere, now) {
                    Ok(()) => json!({"done": true}),
                    Err(no) => refusal(no),
                }
            }
            "label" => self.change(question, |answers, now| {
                answers
                    .board
                    .people(|people| people.say(question, now))
                    .map_or_else(unsaid, |()| json!({"done": true}))
            }),
            "purge" => self.change(question, |answers, _| answers.purge(text("device"))),
            "set_password" => {
                let voucher = match question["code"].as_str() {
                    Some(code) => Voucher::Code(code),
                    None => Voucher::Session { token: text("session"), csrf: text("csrf"), old: text("old") },
                };
                outcome(self.door.set(text("password"), voucher, text("from"), now))
            }
            #[cfg(feature = "desk")]
            command if COMMANDS.contains(&command) => self.change(question, |answers, _| {
                let Some(editor) = &mut answers.editor else { return json!({"error": "no file"}) };
                let mut told = editor.answer(question);
                told["trouble"] = get(&answers.board.0.trouble);
                told
            }),
            _ => json!({"error": format!("unknown command {}", question["command"])}),
        }
    }

    /// Does what only somebody may who is signed in, and sent a form of the pages.
    fn change(&mut self, question: &Value, work: impl FnOnce(&mut Answers, Time) -> Value) -> Value {
        let text = |name: &str| question[name].as_str().unwrap_or_default();
        let now = self.clock.running();
        match self.door.may_change(text("session"), text("csrf"), now) {
            Ok(()) => {
                let (now, _) = self.clock.read();
                work(self, now)
            }
            Err(no) => refusal(no),
        }
    }

    /// Has nothing kept of a device.
    fn purge(&mut self, device: &str) -> Value {
        let Ok(device) = device.parse() else {
            return json!({"error": "field", "field": "device"});
        };
        let mut purges = self.board.0.purges.lock().unwrap_or_else(PoisonError::into_inner);
        if purges.len() >= MAX_PURGES {
            return json!({"error": "wait", "seconds": 1});
        }
        purges.push(device);
        json!({"done": true})
    }

    /// The packets of a session, as pcapng in base64, while they are there.
    fn packets(&self, question: &Value) -> Value {
        let folder = self.board.0.export.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(folder) = folder else { return json!({"error": "off"}) };
        let Some(wanted) = wanted(question) else { return json!({"error": "no session"}) };
        let mut pcap = Vec::new();
        // Inside any tunnel, as its sessions may be.
        let wire = Config::default().engine().wire;
        match extract(&folder, wanted, wire, MAX_ANSWER, &mut pcap) {
            Ok((0, _)) => json!({"error": "none"}),
            Ok((count, is_cut)) => json!({"packets": count, "cut": is_cut, "pcap": STANDARD.encode(pcap)}),
            Err(error) => json!({"error": error.to_string()}),
        }
    }

    /// What passes in each second, and nothing else: it is asked for as often. Null
    /// as [`Answers::now`] has it.
    fn pulse(&self) -> Value {
        self.board.0.wanted.store(KEEP_TELLING, Ordering::Relaxed);
        json!({"pulse": get(&self.board.0.pulse)})
    }

    /// The status with the busiest, which is null when nobody asked for a while:
    /// a second later it is there.
    fn now(&self) -> Value {
        self.board.0.wanted.store(KEEP_TELLING, Ordering::Relaxed);
        json!({"status": get(&self.board.0.status), "recent": get(&self.board.0.recent)})
    }
}

/// The session that a question for packets is about, by the columns of its row.
fn wanted(question: &Value) -> Option<Wanted> {
    let end = |address: &str, port: &str| {
        let port = u16::try_from(question[port].as_u64()?).ok()?;
        Some((question[address].as_str()?.parse().ok()?, port))
    };
    let time = |name: &str| question[name].as_u64().map(Time::from_micros);
    let number = features::number_of(question["proto"].as_str()?);
    let ends = (number, end("client", "client_port")?, end("server", "server_port")?);
    Some(Wanted::session(ends, time("start")?, time("last")?))
}

/// What the daemon would say to `text` as its features.txt.
fn check(text: &str, max_features: u32) -> Value {
    if text.len() > MAX_FEATURES_TEXT {
        return json!({"error": format!("more than {MAX_FEATURES_TEXT} bytes")});
    }
    match Rules::parse(text.as_bytes(), max_features as usize) {
        Ok(rules) => json!({"apps": rules.apps().len(), "classes": rules.classes().len(),
            "features": rules.features(), "mistakes": []}),
        Err(mistakes) => {
            let told = mistakes.iter().take(MAX_MISTAKES);
            let list: Vec<_> =
                told.map(|m| json!({"line": m.line, "column": m.column, "expected": m.expected})).collect();
            json!({"mistakes": list, "number": mistakes.len()})
        }
    }
}

fn told(pass: Pass) -> Value {
    let is_admin = pass.role == Role::Admin;
    json!({"token": pass.token, "csrf": pass.csrf, "admin": is_admin, "by_ticket": pass.by_ticket})
}

fn outcome(result: Result<Pass, No>) -> Value {
    match result {
        Ok(pass) => json!({"session": told(pass)}),
        Err(no) => refusal(no),
    }
}

/// Why something could not be said of a device.
fn unsaid(no: people::No) -> Value {
    match no {
        people::No::Field(field) => json!({"error": "field", "field": field}),
        people::No::TooMany => json!({"error": "too many"}),
        people::No::File(text) => refusal(No::File(text)),
    }
}

fn refusal(no: No) -> Value {
    match no {
        No::Wrong => json!({"error": "wrong"}),
        No::Wait(time) => json!({"error": "wait", "seconds": time.as_secs() + 1}),
        No::Unset => json!({"error": "unset"}),
        No::Guest => json!({"error": "guest"}),
        No::Poor(why) => json!({"error": why}),
        No::File(text) => {
            log::error!("{text}");
            json!({"error": "file", "file": text})
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(name: &str) -> (Answers, Board) {
        let board = Board::default();
        board.set_max_features(100);
        let file = std::env::temp_dir().join(format!("weir-answers-{}-{name}/password", std::process::id()));
        (Answers::new(board.clone(), file), board)
    }

    #[test]
    fn the_busiest_are_made_for_who_asks() {
        let (mut answers, board) = answers("now");
        board.set_status(json!({"version": "1"}));
        board.set_recent(|| panic!("nobody asked"), || panic!("nobody asked"));
        let first = answers.answer(&json!({"command": "now"}));
        assert_eq!(first, json!({"status": {"version": "1"}, "recent": null}));
        board.set_recent(|| json!({"in": 7}), || json!({"step": 1}));
        assert_eq!(answers.answer(&json!({"command": "now"}))["recent"], json!({"in": 7}));
        let pulse = answers.answer(&json!({"command": "now", "pulse": true}));
        assert_eq!(pulse, json!({"pulse": {"step": 1}}));
        for _ in 0..KEEP_TELLING {
            board.set_recent(|| json!({"in": 8}), || Value::Null);
        }
        board.set_recent(|| panic!("nobody asked for a while"), || Value::Null);
        assert_eq!(answers.answer(&json!({"command": "status"})), json!({"version": "1"}));
    }

    #[test]
    fn a_mistake_has_its_place() {
        let (mut answers, _) = answers("check");
        let mut check = |text: &str| answers.answer(&json!({"command": "check", "features": text}));
        assert_eq!(
            check("#class chat Chat\nQQ:[;;;qq.com;]\n"),
            json!({"apps": 1, "classes": 1, "features": 1, "mistakes": []})
        );
        let wrong = check("QQ:[;;;qq.com;]\n微信:[tcp;x;;;]\n");
        assert_eq!((&wrong["mistakes"][0]["line"], &wrong["mistakes"][0]["column"]), (&json!(2), &json!(9)));
        let many = check(&"nonsense\n".repeat(1000));
        assert_eq!(many["mistakes"].as_array().unwrap().len(), MAX_MISTAKES);
        assert_eq!(many["number"], 1000);
        assert!(check(&"#".repeat(MAX_FEATURES_TEXT + 1))["error"].is_string());
    }

    #[test]
    fn nonsense_has_an_answer() {
        let (mut answers, _) = answers("nonsense");
        for question in [json!(null), json!([]), json!("status"), json!({}), json!({"command": {"a": 1}})] {
            assert!(answers.answer(&question)["error"].as_str().unwrap().starts_with("unknown command"));
        }
        for command in [
            "packets",
            "door",
            "redeem",
            "sign_in",
            "sign_out",
            "set_password",
            "check",
            "account",
            "set_guest",
            "add_token",
            "remove_token",
        ] {
            let odd = json!({"command": command, "session": 7, "ticket": [], "password": {}, "from": null, "csrf": 1});
            assert!(answers.answer(&odd).is_object(), "{command}");
            assert!(answers.answer(&json!({"command": command})).is_object(), "{command}");
        }
        let set = json!({"command": "set_password", "code": "0", "password": "a long one", "from": "::1"});
        assert_eq!(answers.answer(&set), json!({"error": "wrong"}));
        assert_eq!(answers.answer(&json!({"command": "sign_in"})), json!({"error": "unset"}));
    }

    #[test]
    fn a_token_is_made_by_who_may_and_opens() {
        let (mut answers, _) = answers("bearer");
        let ticket = answers.answer(&json!({"command": "ticket"}))["ticket"].clone();
        let session = answers.answer(&json!({"command": "redeem", "ticket": ticket}))["session"].clone();
        let (token, csrf) = (&session["token"], &session["csrf"]);
        let mut ask = |command: &str, csrf: &Value| {
            answers.answer(&json!({"command": command, "session": token, "csrf": csrf, "name": "a"}))
        };
        assert_eq!(ask("add_token", token), json!({"error": "wrong"}));
        let made = ask("add_token", csrf)["made"].clone();
        assert_eq!(ask("add_token", csrf), json!({"error": "taken"}));
        let account = ask("account", csrf);
        assert_eq!((&account["guest"], &account["tokens"][0]["name"]), (&json!(false), &json!("a")));
        assert_eq!(account["tokens"][0]["used"], Value::Null);
        assert!(!account.to_string().contains(made.as_str().unwrap()));
        let opens = |answers: &mut Answers, bearer: &Value| {
            answers.answer(&json!({"command": "door", "bearer": bearer}))["bearer"].clone()
        };
        assert_eq!(
            (opens(&mut answers, &made), opens(&mut answers, &json!("x"))),
            (json!(true), json!(false))
        );
        assert_eq!(opens(&mut answers, &json!(7)), Value::Null);
        let remove = json!({"command": "remove_token", "session": token, "csrf": csrf, "name": "a"});
        assert_eq!(answers.answer(&remove), json!({"done": true}));
        assert_eq!(opens(&mut answers, &made), false);
        let _ = std::fs::remove_dir_all(
            std::env::temp_dir().join(format!("weir-answers-{}-bearer", std::process::id())),
        );
    }

    #[test]
    fn a_ticket_makes_a_session() {
        let (mut answers, _) = answers("ticket");
        let ticket = answers.answer(&json!({"command": "ticket"}))["ticket"].clone();
        let session = answers.answer(&json!({"command": "redeem", "ticket": ticket}))["session"].clone();
        assert_eq!((&session["admin"], &session["by_ticket"]), (&json!(true), &json!(true)));
        let door = answers.answer(&json!({"command": "door", "session": session["token"]}));
        assert_eq!(door, json!({"password": false, "session": session}));
    }
}
